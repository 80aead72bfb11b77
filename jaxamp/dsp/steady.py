"""Whether the amp was the same from beginning to end, or a knob was moved.

How loud each octave comes out is predicted from how loud all octaves go in; one
prediction for the whole recording. A knob that is moved leaves everything after it
louder or duller than predicted.
"""

import itertools
from typing import NamedTuple

import numpy as np

FRAME = 2048
EDGES = (60, 150, 300, 600, 1200, 2400, 4800)  # Hz
BLOCK = 3.0  # seconds
FEWEST_BLOCKS = 15
RANGE_DB = 35.0
"""Playing quieter than this below the loudest is left out."""

_FLOOR = 1e-11
_FEWEST_FRAMES = 8


class Step(NamedTuple):
    """The most likely moment at which something was changed."""

    seconds: float
    decibels: float
    """How much louder the octave comes out that changed most clearly."""
    hertz: tuple[int, int]
    """That octave."""
    surprise: float
    """The step over what it would be by chance. Up to 5 in amps that stood still."""


def likeliest_step(x: np.ndarray, y: np.ndarray, sample_rate: int) -> Step | None:
    """The clearest step between what goes in and what comes out.

    None where less than 45 s are played: too few to tell a step from other playing.

    Shapes:
        x, y `[t]`, aligned
    """
    into, out = _octaves(x, sample_rate), _octaves(y, sample_rate)
    total = np.log10(np.sum(10 ** (into / 10), axis=1)) * 10
    if len(total) < FEWEST_BLOCKS * _FEWEST_FRAMES:
        return None
    playing = total > np.percentile(total, 98) - RANGE_DB
    rest = _unpredicted(into, out, playing)
    seconds = np.flatnonzero(playing) * FRAME / sample_rate
    times, blocks = _blocks(seconds, rest)
    if len(blocks) < FEWEST_BLOCKS:
        return None
    least = max(2, len(blocks) // 8)
    steps = [
        _step(blocks, split, times) for split in range(least, len(blocks) - least + 1)
    ]
    return max(steps, key=lambda step: step.surprise)


def _octaves(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """dB in each octave of each frame."""
    count = len(audio) // FRAME
    window = np.hanning(FRAME).astype(np.float32)
    frames = np.asarray(audio[: count * FRAME]).reshape(count, FRAME) * window
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 / FRAME**2
    hertz = np.fft.rfftfreq(FRAME, 1 / sample_rate)
    octaves = [
        power[:, (hertz >= low) & (hertz < high)].sum(axis=1)
        for low, high in itertools.pairwise(EDGES)
    ]
    return 10 * np.log10(np.stack(octaves, axis=1) + _FLOOR)


def _unpredicted(into: np.ndarray, out: np.ndarray, playing: np.ndarray) -> np.ndarray:
    """What a quadratic of this frame's and the last's octaves leaves over, in dB."""
    heard = np.hstack([into, np.vstack([into[:1], into[:-1]])])[playing]
    heard = (heard - heard.mean(axis=0)) / (heard.std(axis=0) + 1e-3)
    i, j = np.triu_indices(into.shape[1])
    features = np.hstack([np.ones((len(heard), 1)), heard, heard[:, i] * heard[:, j]])
    ridge = 1e-2 * len(heard) * np.eye(features.shape[1])
    weights = np.linalg.solve(features.T @ features + ridge, features.T @ out[playing])
    return out[playing] - features @ weights


def _blocks(seconds: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians over a few seconds each, so that notes do not count for more."""
    numbers = (seconds // BLOCK).astype(int)
    kept = [n for n in np.unique(numbers) if np.sum(numbers == n) >= _FEWEST_FRAMES]
    medians = [np.median(rest[numbers == n], axis=0) for n in kept]
    return np.array(kept) * BLOCK, np.array(medians)


def _step(blocks: np.ndarray, split: int, times: np.ndarray) -> Step:
    before, after = blocks[:split], blocks[split:]
    change = after.mean(axis=0) - before.mean(axis=0)
    scatter = np.concatenate(
        [before - before.mean(axis=0), after - after.mean(axis=0)]
    ).std(axis=0)
    chance = scatter * np.sqrt(1 / len(before) + 1 / len(after)) + 0.02
    place = int(np.argmax(np.abs(change) / chance))
    return Step(
        float(times[split]),
        float(change[place]),
        (EDGES[place], EDGES[place + 1]),
        float(np.abs(change[place]) / chance[place]),
    )
