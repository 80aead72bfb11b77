"""The project's own capture signal: about three minutes to play through an amp.

At both ends lies the same validation passage, beside it silence and two clicks; then
chirps, noise from very quiet to loud, and playing. Head and tail never change within a
version, so that a recording is recognised whatever was played between them. Every
sample is a whole number of 24 bits, and the same on every machine.

The phrases are the packaged demo DI's; its sources are named in `demo.py`.
"""

import dataclasses
import hashlib

import numpy as np

from jaxamp.core import CaptureError
from jaxamp.data.audio import Audio, shown
from jaxamp.data.demo import packaged_di
from jaxamp.data.layouts import Layout, Part
from jaxamp.dsp.probes import chirp, pink_noise

NAME = "jaxamp capture signal"
VERSION = "1.0"
SAMPLE_RATE = 48_000
FULL_SCALE = 1 << 23

HEAD_SHA256 = "dff3168e7eb2e408636b70e199b3f97832cc6debc8010cfc56a0c91a410edee8"
TAIL_SHA256 = "f44308da329f6d41bcdf98a0c34454eb3b8a3fbdba03d9389139f83268c0b3a1"
SIGNAL_SHA256 = "3df50e43e030d81a67066cefc2760b80234027e3e57addc349bdf65300913457"
"""Of the samples as 32-bit little-endian numbers of 24 bits."""

BLIP = 0.9
CHIRPS = (0.03, 0.5)
NOISES = (0.2 / 256, 0.2 / 64, 0.2 / 16, 0.2 / 4, 0.2)
"""RMS of the noises: 12 dB apart, from -62 to -14 dBFS."""
PLAYED = (1.5, 0.375, 0.75)
"""How often and at what gains the phrases are played: peaks at -1, -13 and -7 dBFS."""
SHORTEST_PLAYING, LONGEST_PLAYING = 10, 1800  # seconds

VALIDATION = (888_000, 1_320_000)
"""Of the DI: 18.5 to 27.5 s, palm mutes, then open chords; nowhere else played."""
PHRASES = ((24_000, 888_000), (1_320_000, 2_904_599))
FADE = 480
"""Samples that a cut through a phrase fades for."""


@dataclasses.dataclass(frozen=True)
class CaptureSignal:
    """The signal and where its parts are.

    Shapes:
        numbers `[t]` int32, full scale is 2^23.
    """

    numbers: np.ndarray
    layout: Layout


def capture_signal(playing: Audio | None = None) -> CaptureSignal:
    """The signal, with the shipped phrases or the user's own playing in the middle.

    Raises:
        CaptureError: The user's file has another sample rate, or is too short or long.
    """
    middle = _shipped() if playing is None else _own(playing)
    numbers = np.concatenate([_head(), middle, _tail()])
    return CaptureSignal(numbers, _layout(len(numbers), head=True, tail=True))


def sha256(numbers: np.ndarray) -> str:
    """The hash by which samples are recognised."""
    return hashlib.sha256(np.ascontiguousarray(numbers, "<i4").tobytes()).hexdigest()


def recognised(samples: np.ndarray, sample_rate: int) -> Layout | None:
    """The layout of a file that holds the signal's head, its tail, or both.

    Silence that a program added before or after is allowed for; a file that was
    resampled, dithered or scaled is another signal.

    Shapes:
        samples `[t]` float32
    """
    sounding = np.flatnonzero(samples)
    if sample_rate != SAMPLE_RATE or not len(sounding):
        return None
    start = int(sounding[0]) - HEAD_LEAD
    end = int(sounding[-1]) + 1 + TAIL_REST
    has_head = _holds(samples, start, start + HEAD_LENGTH, HEAD_SHA256)
    has_tail = _holds(samples, end - TAIL_LENGTH, end, TAIL_SHA256)
    if not has_head and not has_tail:
        return None
    first = start if has_head else 0
    last = end if has_tail else len(samples)
    return _layout(last - first, head=has_head, tail=has_tail).later(first)


# --- where things are --------------------------------------------------------------

HEAD = (
    Part("validation", 0, 432_000),
    Part("silence", 432_000, 504_000),
    Part("blip", 504_000, 552_000),
    Part("blip", 552_000, 576_000),
    Part("chirp", 576_000, 648_000),
    Part("chirp", 648_000, 720_000),
    *(Part("noise", a, a + 48_000) for a in range(720_000, 960_000, 48_000)),
)
HEAD_LENGTH = HEAD[-1].end

TAIL = (
    Part("silence", 0, 72_000),
    Part("blip", 72_000, 120_000),
    Part("blip", 120_000, 144_000),
    Part("validation", 144_000, 576_000),
    Part("silence", 576_000, 600_000),
)
"""Counted from the tail's first sample. The silence at its end is for the answer to the
last note, which comes late."""
TAIL_LENGTH = TAIL[-1].end

HEAD_LEAD, TAIL_REST = 1, 24_001
"""Zeros before the first sounding sample and after the last."""


def _layout(length: int, *, head: bool, tail: bool) -> Layout:
    before = HEAD if head else ()
    start = HEAD_LENGTH if head else 0
    end = length - TAIL_LENGTH if tail else length
    after = tuple(Part(n, a + end, b + end) for n, a, b in TAIL) if tail else ()
    passage = next(((a, b) for name, a, b in after if name == "validation"), None)
    chirps = next((part.start for part in before if part.name == "chirp"), 0)
    return Layout(
        NAME,
        VERSION,
        SAMPLE_RATE,
        (*before, Part("playing", start, end), *after),
        train=(chirps, end),
        validation=passage,
    )


def _holds(samples: np.ndarray, start: int, end: int, digest: str) -> bool:
    """Whether these samples, silence around the file included, have that hash."""
    missing = max(0, -start) + max(0, end - len(samples))
    if missing >= end - start:
        return False
    piece = np.pad(
        samples[max(0, start) : end], (max(0, -start), max(0, end - len(samples)))
    )
    return sha256(_numbers(piece)) == digest


# --- what is in them ---------------------------------------------------------------


def _head() -> np.ndarray:
    noise = pink_noise(HEAD[-1].end - HEAD[-1].start, seed=1)
    parts = [
        _validation(),
        _silence(72_000),
        _click(48_000),
        _click(24_000),
        *(_faded(_numbers(level * _chirp())) for level in CHIRPS),
        *(_numbers(level * noise) for level in NOISES),
    ]
    return np.concatenate(parts)


def _tail() -> np.ndarray:
    return np.concatenate(
        [
            _silence(72_000),
            _click(48_000),
            _click(24_000),
            _validation(),
            _silence(24_000),
        ]
    )


def _validation() -> np.ndarray:
    return _faded(_numbers(PLAYED[0] * _phrases()[slice(*VALIDATION)]))


def _chirp() -> np.ndarray:
    return chirp(HEAD[4].end - HEAD[4].start, 20, 20_000, SAMPLE_RATE)


def _click(length: int) -> np.ndarray:
    return np.append(_numbers(np.array([BLIP])), _silence(length - 1))


def _silence(length: int) -> np.ndarray:
    return np.zeros(length, np.int32)


def _shipped() -> np.ndarray:
    pieces = [_phrases()[slice(*place)] for place in PHRASES]
    return np.concatenate(
        [_faded(_numbers(gain * piece)) for gain in PLAYED for piece in pieces]
    )


def _own(playing: Audio) -> np.ndarray:
    name = shown(playing.path.name)
    if playing.sample_rate != SAMPLE_RATE:
        raise CaptureError(
            f"{name} has {playing.sample_rate} Hz; the capture signal has "
            f"{SAMPLE_RATE} Hz. Convert the playing to {SAMPLE_RATE} Hz first."
        )
    seconds = len(playing.samples) / SAMPLE_RATE
    if not SHORTEST_PLAYING <= seconds <= LONGEST_PLAYING:
        raise CaptureError(
            f"{name} is {seconds:.1f} s long; {SHORTEST_PLAYING} to {LONGEST_PLAYING} "
            "s of playing make a capture signal. Two to three minutes are usual."
        )
    return _faded(_numbers(playing.samples))


def _phrases() -> np.ndarray:
    return packaged_di().astype(np.float64)


def _numbers(samples: np.ndarray) -> np.ndarray:
    """Samples of full scale 1 as whole numbers of 24 bits."""
    scaled = np.rint(np.asarray(samples, np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int32)


def _faded(numbers: np.ndarray) -> np.ndarray:
    """The same, rising from silence and falling to it."""
    ramp = np.arange(FADE) / FADE
    faded = numbers.astype(np.float64)
    faded[:FADE] *= ramp
    faded[-FADE:] *= ramp[::-1]
    return np.rint(faded).astype(np.int32)
