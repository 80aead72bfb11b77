"""A guitar amp made of equations with four knobs, whose truth is known everywhere.

For studies of knobs: what a model plays at a setting that nobody recorded, or while a
knob moves, can be compared with what the amp plays. Two clipping stages with coupling
capacitors, a tone control of shelves and a peak, and an output stage whose supply sags.
All knobs are gains between fixed filters, so a moving knob is as exact as one at rest.
"""

import functools
from typing import Any

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import ConfigError

KNOBS = ("gain", "bass", "mid", "treble")

OVERSAMPLING = 4
LOWEST_SAMPLE_RATE = 32_000  # Hz; below, the output stage meets the sampling's filters
BLOCK = 16_384  # samples played at a time: what passes through the stages stays cached

FIRST_DRIVE_DB = (4.0, 34.0)  # of the first stage, gain knob down and up
SECOND_DRIVE_DB = (2.0, 14.0)  # of the second, which the same knob drives
FIRST_BIAS = 0.35  # the first stage's working point, in units of where it bends
BASS_DB, MID_DB, TREBLE_DB = (-16.0, 12.0), (-12.0, 9.0), (-18.0, 12.0)
SAG = 0.9  # how much the supply gives way to a loud chord
OUTPUT = 0.4  # full scale, where the tubes end; the transformer rings a little beyond


def knobbed_amp(x: np.ndarray, controls: Any, sample_rate: int = 48_000) -> np.ndarray:
    """Plays a DI through the amp, switched on and silent before it.

    It answers within the same sample and hears nothing early. Computed in double
    precision; the same sound and knobs give the same bytes.

    Shapes:
        x `[t]`, controls `[4]` or, for knobs that move, `[4, t]`, 0 to 1, in the
        order of `KNOBS` -> y `[t]`, float32, full scale +-1

    Raises:
        ConfigError: Knobs beyond their stops or not four, or too low a sample rate.
    """
    sound = np.asarray(x, np.float64)
    knobs = checked(controls, len(sound), sample_rate)
    amp, pieces = _Amp(sample_rate), [np.zeros(0)]
    for start in range(0, len(sound), BLOCK):
        here = slice(start, start + BLOCK)
        turned = knobs if knobs.shape[1] == 1 else knobs[:, here]
        pieces.append(amp.play(sound[here], turned))
    return np.concatenate(pieces).astype(np.float32)


def checked(controls: Any, length: int, sample_rate: int) -> np.ndarray:
    """The knobs as `[4, 1]` or `[4, t]`."""
    knobs = np.asarray(controls, np.float64)
    if knobs.shape not in ((len(KNOBS),), (len(KNOBS), length)):
        raise ConfigError(
            f"Knobs of shape {knobs.shape} were given to the virtual amp, which has "
            f"{', '.join(KNOBS)}. Give [{len(KNOBS)}], or [{len(KNOBS)}, {length}] for "
            "knobs that move."
        )
    for name, knob in zip(KNOBS, np.atleast_1d(knobs), strict=True):
        if not np.all((knob >= 0) & (knob <= 1)):
            odd = np.extract(~((knob >= 0) & (knob <= 1)), knob)[0]
            raise ConfigError(
                f"The virtual amp's {name} knob was set to {odd}. Knobs go from 0 to "
                f"1; set {name} to a number between them."
            )
    if sample_rate < LOWEST_SAMPLE_RATE:
        raise ConfigError(
            f"The virtual amp was asked to run at {sample_rate} Hz. It needs at least "
            f"{LOWEST_SAMPLE_RATE} Hz; resample the input, 48000 Hz is usual."
        )
    return knobs.reshape(len(KNOBS), -1)


class _Amp:
    """The circuit and what it remembers between two blocks."""

    def __init__(self, sample_rate: int) -> None:
        filters = _filters(sample_rate)
        self._filters = filters
        self._past = {name: np.zeros((len(f), 2)) for name, f in filters.items()}

    def _through(self, name: str, x: np.ndarray) -> np.ndarray:
        """The sound through one of the fixed filters."""
        y, past = scipy.signal.sosfilt(self._filters[name], x, zi=self._past[name])
        self._past[name] = past
        return y

    def play(self, x: np.ndarray, knobs: np.ndarray) -> np.ndarray:
        """The next block."""
        gain, bass, mid, treble = np.repeat(knobs, _every(knobs), axis=1)
        stuffed = np.zeros(len(x) * OVERSAMPLING)
        stuffed[::OVERSAMPLING] = OVERSAMPLING * x
        v = self._through("rise", stuffed)
        v = _first_stage(v * _between(FIRST_DRIVE_DB, gain))
        v = self._through("first_coupling", v)
        v = _second_stage(v * _between(SECOND_DRIVE_DB, gain))
        v = self._through("second_coupling", v)
        v = v + (_between(BASS_DB, bass) - 1) * self._through("bass", v)
        v = v + (_between(MID_DB, mid) - 1) * self._through("mid", v)
        v = v + (_between(TREBLE_DB, treble) - 1) * self._through("treble", v)
        v = v / (1 + SAG * self._through("supply", np.abs(v)))
        v = self._through("output", OUTPUT * np.tanh(v))
        return self._through("fall", v)[::OVERSAMPLING]


def _every(knobs: np.ndarray) -> int:
    return 1 if knobs.shape[1] == 1 else OVERSAMPLING


def _between(decibels: tuple[float, float], turn: np.ndarray) -> np.ndarray:
    low, high = decibels
    return 10 ** ((low + (high - low) * turn) / 20)


def _first_stage(v: np.ndarray) -> np.ndarray:
    """Off its middle, so that one half of the wave bends earlier; silence stays."""
    return np.tanh(v + FIRST_BIAS) - np.tanh(FIRST_BIAS)


def _second_stage(v: np.ndarray) -> np.ndarray:
    """The upper half ends hard at 1, the lower half slowly at -1.4."""
    up, down = np.maximum(v, 0), np.minimum(v, 0)
    return np.tanh(up) + down / (1 - down / 1.4)


@functools.cache
def _filters(sample_rate: int) -> dict[str, np.ndarray]:
    """The fixed filters as second-order sections, by what they do."""
    rate = OVERSAMPLING * sample_rate
    sampling = scipy.signal.ellip(8, 0.05, 80, sample_rate / 2.4, output="sos", fs=rate)

    def butter(order: int, frequency: Any, kind: str) -> np.ndarray:
        return scipy.signal.butter(order, frequency, kind, output="sos", fs=rate)

    filters = {
        "rise": sampling,
        "first_coupling": butter(1, [35, 9_000], "band"),
        "second_coupling": butter(1, [25, 12_000], "band"),
        "bass": butter(1, 180, "low"),
        "mid": butter(1, [380, 1_000], "band"),
        "treble": butter(1, 2_000, "high"),
        "supply": butter(1, 4, "low"),
        "output": np.vstack([butter(2, 55, "high"), butter(2, 6_500, "low")]),
        "fall": sampling,
    }
    return {name: np.asarray(sections) for name, sections in filters.items()}
