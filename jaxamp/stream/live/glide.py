"""Numbers that are turned while sound goes through them, so that nothing clicks."""

import numpy as np


class Glide:
    """A factor that goes to where it is set in a given time, along a smooth curve.

    From a to b in n samples, neighbouring samples differ by at most 1.5 |b - a| / n.

    Args:
        value: Where it stands.
        samples: How long it takes to anywhere else.
    """

    def __init__(self, value: float, samples: int):
        self.samples = samples
        t = np.arange(1, samples + 1) / samples
        self._curve = (t * t * (3 - 2 * t)).astype(np.float32)
        self._start = self.target = float(value)
        self._done = samples

    @property
    def settled(self) -> bool:
        """Whether it stands where it was set to."""
        return self._done >= self.samples

    def set(self, value: float) -> None:
        """From here on it goes there, from wherever it is."""
        if value != self.target:
            self._start, self.target, self._done = self._now(), float(value), 0

    def jump(self, value: float) -> None:
        """It stands there at once."""
        self._start = self.target = float(value)
        self._done = self.samples

    def again(self) -> None:
        """It goes, for the given time, to where it is set already."""
        self._start, self._done = self._now(), 0

    def _now(self) -> float:
        if self.settled:
            return self.target
        passed = float(self._curve[self._done - 1]) if self._done else 0.0
        return self._start + (self.target - self._start) * passed

    def next(self, count: int) -> np.ndarray | float:
        """Its values over the next samples `[count]`; one number where it stands."""
        if self.settled:
            return self.target
        values = np.full(count, self.target, np.float32)
        curve = self._curve[self._done : self._done + count]
        values[: curve.size] = self._start + (self.target - self._start) * curve
        self._done += count
        return values


def scaled(x: np.ndarray, factor: np.ndarray | float) -> np.ndarray:
    """x times the factor, bit for bit x where that is 1."""
    return x if isinstance(factor, float) and factor == 1 else x * np.float32(factor)


def mixed(a: np.ndarray, b: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """As much of b as the share says and the rest of a; all of one at 0 and 1."""
    if isinstance(share, float) and share in (0.0, 1.0):
        return b if share else a
    return a + np.float32(share) * (b - a)
