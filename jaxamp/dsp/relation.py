"""Whether one signal answers another at all, and when, whatever lies between them.

Two kinds of evidence. What could not be foreseen in the input is looked for in the
target (see `arrival`): that is sharp in time, but an amp that distorts much, or hears
through a speaker, blurs it. The loudness of both rises and falls together: that is
blunt, and survives any distortion.
"""

import dataclasses

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import CaptureError
from jaxamp.dsp.arrival import neighbourhood_and_height

REACH = 48_000
"""Samples before and after that are searched: a second, at the usual rate."""

FRAME = 480
"""Samples of which the loudness is taken as one."""

LEAST_HEIGHT = 12.0
"""Times above chance at which the sharp evidence counts. Five amps, in 9 and in 60 s of
playing, had 27 to 201; other takes, noise and their own recordings backwards 4.1 to
5.7."""

LEAST_LIKENESS = 0.75
"""Correlation of the loudness at which the blunt evidence counts. The same amps had
0.60 to 0.98, what did not belong to the input 0.03 to 0.61."""

EARLIEST, LATEST = -16, 960
"""Samples of lag that a model may be asked to learn: none from the future; behind a
cabinet the best agreement comes some tens after the first."""


@dataclasses.dataclass(frozen=True)
class Relation:
    """How a target follows its input."""

    lag: int
    """Samples after which they agree best, by the sharp evidence."""
    height: float
    """How far that rises above chance."""
    likeness: float
    """The largest correlation of their loudness at any lag, -1 to 1."""
    blunt_lag: int
    """Samples after which that is largest, to `FRAME`."""


def relation(input: np.ndarray, target: np.ndarray) -> Relation:
    """Looks for an answer within a second, before and after.

    Shapes:
        input, target `[t]`.
    """
    length = min(input.size, target.size)
    x = np.asarray(input[:length], np.float32)
    y = np.asarray(target[:length], np.float32) - np.float32(np.mean(target[:length]))
    likeness, blunt = loudness_alike(x, y)
    reach = min(REACH, length // 4)
    try:
        lag, height = neighbourhood_and_height(x, y, (-reach, reach))
    except CaptureError:  # too short
        lag, height = 0, 0.0
    return Relation(lag, height, likeness, blunt)


def related(one: Relation) -> bool:
    """Whether the target answers the input, sooner or later."""
    return one.height >= LEAST_HEIGHT or one.likeness >= LEAST_LIKENESS


def early_or_late(one: Relation) -> bool:
    """Whether the answer comes when no model would expect it."""
    if one.height >= LEAST_HEIGHT:
        return not EARLIEST <= one.lag <= LATEST
    return not -2 * FRAME <= one.blunt_lag <= LATEST + 2 * FRAME


def loudness_alike(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """The largest correlation of two signals' loudness, and its lag in samples."""
    levels = [decibels_of_frames(part) for part in (x, y)]
    count = min(len(level) for level in levels)
    reach = min(REACH // FRAME, count // 4)
    if count < 8 or not reach:
        return 0.0, 0
    best, lag = -1.0, 0
    for shift in range(-reach, reach + 1):
        one = levels[0][max(0, -shift) : count - max(0, shift)]
        other = levels[1][max(0, shift) : count + min(0, shift)]
        alike = correlation(one, other)
        if alike > best:
            best, lag = alike, shift * FRAME
    return best, lag


def decibels_of_frames(signal: np.ndarray) -> np.ndarray:
    """The loudness of every frame, no lower than 60 dB below the loudest."""
    frames = signal[: signal.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    return 10 * np.log10(power + 1e-6 * np.max(power, initial=0.0) + 1e-20)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where one of them never changes."""
    one, other = scipy.signal.detrend(one), scipy.signal.detrend(other)
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / scale if scale > 0 else 0.0
