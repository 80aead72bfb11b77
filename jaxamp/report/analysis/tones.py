"""Sines through a model: its harmonics, what it folds back, and its curve.

All probes are played in a row in one go, each long enough to settle before it is
measured. They turn a whole number of times in a prime number of samples, so that a
folded harmonic never lands on a true one (see `jaxamp.metrics.aliasing`).
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxamp.dsp.level import amplitude
from jaxamp.dsp.signals import sine
from jaxamp.metrics.aliasing import PERIOD, aliased_to_harmonic

Render = Callable[[np.ndarray], np.ndarray]
"""Plays audio `[t]` and returns as much."""

SETTLE = 48_000
"""Samples of each probe that are played before it is measured."""

NOTE_HERTZ = 220.0
NOTE_DBFS = (-12.0, -30.0)
"""An A on the G string, hit hard and touched."""

HARMONICS = 24

FOLDED_HERTZ = tuple(625.0 * 2 ** (k / 2) for k in range(9))
FOLDED_DBFS = -12.0
"""As in the numbers of a run, which are three of these."""

CURVE_HERTZ, CURVE_DBFS = 82.4, -6.0
"""The low E string."""

LOWEST_DB = -100.0
"""Quieter harmonics are rounding."""

LOWEST_RATE = 8_000
"""Hz; below, there is no room for harmonics."""


@dataclasses.dataclass(frozen=True)
class Tones:
    """What was measured of one amp or model."""

    harmonics: dict[float, list[float | None]]
    """Level of the note in dBFS -> each harmonic in dB against the fundamental; None
    where there is none to speak of."""
    aliased: dict[float, float]
    """Frequency in Hz -> aliased over harmonic energy."""
    curve: tuple[np.ndarray, np.ndarray]
    """One period of a low note: what went in and what came out `[t]`."""


def tones(render: Render, sample_rate: int) -> Tones:
    """Plays every probe and measures the answers.

    Source:
        Sato and Smith 2025: the aliasing-to-signal ratio.
    """
    folded = [hertz for hertz in FOLDED_HERTZ if hertz < 0.45 * sample_rate]
    probes = [
        *((NOTE_HERTZ, level) for level in NOTE_DBFS),
        *((hertz, FOLDED_DBFS) for hertz in folded),
        (CURVE_HERTZ, CURVE_DBFS),
    ]
    played = [
        sine(turns(hertz, sample_rate), PERIOD, SETTLE + PERIOD, amplitude(level))
        for hertz, level in probes
    ]
    answers = np.asarray(render(np.concatenate(played)), np.float64)
    measured = answers.reshape(len(probes), -1)[:, SETTLE:]
    notes, rest = measured[: len(NOTE_DBFS)], measured[len(NOTE_DBFS) :]
    period = round(sample_rate / CURVE_HERTZ)
    return Tones(
        harmonics={
            level: harmonics(answer, turns(NOTE_HERTZ, sample_rate))
            for level, answer in zip(NOTE_DBFS, notes, strict=True)
        },
        aliased={
            hertz: aliased_to_harmonic(answer, turns(hertz, sample_rate))
            for hertz, answer in zip(folded, rest[:-1], strict=True)
        },
        curve=(played[-1][-period:], rest[-1][-period:]),
    )


def turns(hertz: float, sample_rate: int) -> int:
    """How often a probe turns in a period of measurement."""
    return round(hertz * PERIOD / sample_rate)


def harmonics(answer: np.ndarray, cycles: int) -> list[float | None]:
    """Each harmonic below Nyquist in dB against the first, which is 0."""
    heights = np.abs(np.fft.rfft(answer))[cycles::cycles][:HARMONICS]
    against = 20 * np.log10(np.maximum(heights, 1e-12) / max(heights[0], 1e-12))
    return [float(db) if db > LOWEST_DB else None for db in against]
