"""The way of a knob in time: straight lines between points, their corners rounded.

A function of time alone: whoever asks for it in pieces is told the same.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

Interval = tuple[int, int]
"""The first sample, and the one after the last."""


class Way:
    """Where a knob stands at every moment: `way.between(start, stop)`.

    Before the first point and after the last it rests. Two points at one time are a
    jump. What is heard of it is the mean over `smoothing` samples around each moment,
    weighed by 6u(1 - u), u from 0 to 1: a jump becomes the curve 3u^2 - 2u^3, begun
    half of that before its time and ended half after, and steps from sample to sample
    are at most 1.5 / smoothing of it. Straight stretches stay what they are.

    Args:
        times: Samples, not falling; no more than two alike.
        values: One for each time.
        smoothing: Samples; with 0, all is as the points say.
    """

    def __init__(self, times: ArrayLike, values: ArrayLike, smoothing: float = 0.0):
        times, values = np.asarray(times, float), np.asarray(values, float)
        self.smoothing = float(smoothing)
        self._lowest, self._highest = values.min(), values.max()
        first = np.append(True, np.diff(times) > 0)
        last = np.append(first[1:], True)
        self._times, self._before, self._after = (
            times[first],
            values[first],
            values[last],
        )
        slopes = (self._before[1:] - self._after[:-1]) / np.diff(self._times)
        self._slopes = np.append(slopes, 0.0)  # after each corner
        self._jumps = self._after - self._before
        self._bends = np.diff(self._slopes, prepend=0.0)

    def between(self, start: int, stop: int) -> np.ndarray:
        """Its values in samples start to stop - 1, `[stop - start]` float32."""
        now = np.arange(start, stop, dtype=float)
        begun = now - self.smoothing / 2
        corner = np.searchsorted(self._times, begun, side="right")
        before = np.maximum(corner - 1, 0)
        value = np.where(corner > 0, self._after[before], self._before[0])
        slope = np.where(corner > 0, self._slopes[before], 0.0)
        # A straight line weighed around a moment is its value at that moment.
        value = value + slope * (now - self._times[before])
        if self.smoothing:
            self._round(value, now + self.smoothing / 2, corner)
        return np.clip(value, self._lowest, self._highest).astype(np.float32)

    def _round(self, value: np.ndarray, ended: np.ndarray, corner: np.ndarray) -> None:
        """Adds what the corners do that lie in the stretch weighed, one by one."""
        here = np.arange(len(value))
        while True:
            near = corner < len(self._times)
            here, corner = here[near], corner[near]
            passed = ended[here] - self._times[corner]
            near = passed > 0
            here, corner, passed = here[near], corner[near], passed[near]
            if not len(here):
                return
            u = passed / self.smoothing
            value[here] += self._jumps[corner] * u * u * (3 - 2 * u)
            ramp = self.smoothing * u**3 * (1 - u / 2)
            value[here] += self._bends[corner] * ramp
            corner = corner + 1

    def moves(self) -> list[Interval]:
        """The samples in which it moves; what overlaps or touches is one."""
        return merged(self._moves())

    def _moves(self) -> Iterator[Interval]:
        half = self.smoothing / 2
        for index, time in enumerate(self._times):
            moving = self._slopes[index] != 0
            if moving or self._jumps[index]:
                end = self._times[index + 1] if moving else time
                yield int(np.ceil(time - half)), int(np.floor(end + half)) + 1


def merged(intervals: list[Interval] | Iterator[Interval]) -> list[Interval]:
    """The same samples in order, each once."""
    found: list[Interval] = []
    for start, stop in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found
