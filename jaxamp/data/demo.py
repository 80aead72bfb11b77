"""The demo capture: packaged guitar and bass phrases through the virtual amp.

It needs no files, microphone or network, and gives the same bytes every time. The
DI (`demo_di.flac`, 60 s at 48 kHz) is played by sampled instruments: FluidR3 GM
(Frank Wen, MIT licence), MuseScore General (S. Christian Collins, MIT licence) and
two Sonic Pi samples (CC0 public domain): single notes, palm mutes, chords, bends,
jazz arpeggios, bass.
"""

import hashlib
import importlib.resources
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy  # imports its parts when they are first used
import soundfile

from jaxamp.core import Capture, ConfigError, Recording, compile_cache
from jaxamp.data.normalise import scaled, target_gain

SAMPLE_RATE = 48_000  # Hz, of the packaged DI
CENTRE = 1_104_000  # samples, 23.0 s: palm mutes before it, open chords after
LEAST_TRAINING = SAMPLE_RATE  # samples


def demo(
    gain: float = 0.5,
    tone: float = 0.5,
    level: float = 0.7,
    validation_seconds: float = 6.0,
    seconds: float | None = None,
    normalize_dbfs: float | None = None,
) -> Recording:
    """A recording of the project's own amp, ready to train on.

    The amp plays the phrases once, in one go. The validation passage is cut out of
    the middle, around the border from palm mutes to open chords (the very end would
    be one chord dying away); what surrounds it is the training material, and each
    piece carries all the input before it as context.

    Args:
        seconds: Play only this much of the DI, around the same border; all by default.
        normalize_dbfs: The RMS that the training targets together are scaled to.
    """
    di = packaged_di()
    start, stop = around_centre(seconds, len(di))
    first, last = around_centre(validation_seconds, len(di))
    check_lengths(validation_seconds, stop - start, last - first)
    di = di[start:stop]
    target = _played(di, {"gain": gain, "tone": tone, "level": level})
    first, last = first - start, last - start

    def piece(begin: int, end: int, name: str) -> Capture:
        return Capture(di[begin:end], target[begin:end], di[:begin], name)

    train = (
        piece(0, first, "demo, before validation"),
        piece(last, len(di), "demo, after validation"),
    )
    factor = target_gain(train, normalize_dbfs)
    return Recording(
        train=tuple(scaled(each, factor) for each in train),
        validation=(scaled(piece(first, last, "demo, validation"), factor),),
        sample_rate=SAMPLE_RATE,
        target_gain=factor,
        findings={
            "source": "the project's virtual amp on its packaged DI",
            "knobs": {"gain": gain, "tone": tone, "level": level},
            "seconds": len(di) / SAMPLE_RATE,
            "validation_start_seconds": first / SAMPLE_RATE,
            "validation_end_seconds": last / SAMPLE_RATE,
            "delay": 0,
            "input": _levels(di),
            "target": _levels(target),
        },
    )


def packaged_di() -> np.ndarray:
    """The phrases `[t]`, float32 at `SAMPLE_RATE`; 16 bit."""
    packaged = importlib.resources.files("jaxamp.data") / "demo_di.flac"
    with importlib.resources.as_file(packaged) as path:
        audio, _ = soundfile.read(path, dtype="float32")
    return audio


def _played(di: np.ndarray, knobs: Mapping[str, float]) -> np.ndarray:
    """The DI through the amp."""
    from jaxamp.data.virtual_amp import virtual_amp  # noqa: PLC0415 (imports JAX)

    return rendered(virtual_amp, di, sample_rate=SAMPLE_RATE, **knobs)


def rendered(amp: Callable[..., np.ndarray], x: np.ndarray, **given: Any) -> np.ndarray:
    """What an amp of equations plays, kept for the next process where there is a cache.

    Playing takes seconds, and designing the amp's filters imports SciPy's, which takes
    another.

    Args:
        given: The amp's other arguments; what is kept is known by them, by the sound
            and by the source of the amp's module.
    """
    cache = compile_cache.in_use()
    if cache is None:
        return amp(x, **given)
    source = inspect.getsource(sys.modules[amp.__module__])
    facts = (source, sorted(given.items()), np.__version__, scipy.__version__)
    digest = hashlib.sha256(repr(facts).encode() + x.tobytes()).hexdigest()
    key = f"{amp.__name__}-{digest}"
    kept = cache.get(key)
    if kept is not None:
        return np.frombuffer(kept, np.float32).copy()
    target = amp(x, **given)
    cache.put(key, target.tobytes())
    return target


def around_centre(seconds: float | None, length: int) -> tuple[int, int]:
    """Start and end of a stretch around the centre, kept inside the DI."""
    if seconds is None:
        return 0, length
    wanted = max(0, min(round(seconds * SAMPLE_RATE), length))
    start = min(max(CENTRE - wanted // 2, 0), length - wanted)
    return start, start + wanted


def check_lengths(seconds: float, played: int, validated: int) -> None:
    """Raises ConfigError if validation leaves too little to train on."""
    if validated < 1 or played - validated < LEAST_TRAINING:
        raise ConfigError(
            f"The demo capture cannot be split: {seconds} s were asked for validation "
            f"out of {played / SAMPLE_RATE:g} s played. Validation must be longer than "
            f"nothing and leave {LEAST_TRAINING // SAMPLE_RATE} s to train on; lower "
            "validation_seconds or raise seconds."
        )


def _levels(audio: np.ndarray) -> dict[str, Any]:
    # Silence (the level knob at 0) is given -200 dBFS: JSON has no infinity.
    peak = max(float(np.abs(audio).max()), 1e-10)
    rms = max(float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))), 1e-10)
    return {
        "peak_dbfs": round(20 * math.log10(peak), 2),
        "rms_dbfs": round(20 * math.log10(rms), 2),
    }
