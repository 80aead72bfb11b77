"""Levels and times of playing, counted without taking memory."""

import numpy as np

SLOT = 1_000
"""Nanoseconds; times are counted in steps of a microsecond."""

SLOTS = 100_000

RECENT = 512
"""Blocks over which the load on the screen is taken."""


FULL_SCALE = 1 - 2**-15
"""What a converter of 16 bits gives at most."""


class Level:
    """The highest peak since it was last asked for, and samples at full scale."""

    def __init__(self) -> None:
        self.clipped = 0
        self.highest = 0.0
        """Of all."""
        self._peak = 0.0

    def hear(self, x: np.ndarray) -> None:
        """Counts a block."""
        peak = float(np.abs(x).max(initial=0.0))
        if peak >= FULL_SCALE:
            self.clipped += int(np.count_nonzero(np.abs(x) >= FULL_SCALE))
        self._peak = max(self._peak, peak)
        self.highest = max(self.highest, peak)

    def peak(self) -> float:
        """The highest since the last time this was asked."""
        peak, self._peak = self._peak, 0.0
        return peak


class Times:
    """How long blocks took, beside how long they last.

    Args:
        deadline: Nanoseconds that a block lasts.
    """

    def __init__(self, deadline: float):
        self.deadline = deadline
        self.blocks = self.late = self.worst = 0
        self._counts = np.full(SLOTS, 0, np.int64)  # filled: no memory is taken later
        self._recent = np.full(RECENT, 0, np.int64)

    def add(self, nanoseconds: int) -> None:
        """Counts a block."""
        self._counts[min(nanoseconds // SLOT, SLOTS - 1)] += 1
        self._recent[self.blocks % RECENT] = nanoseconds
        self.blocks += 1
        self.worst = max(self.worst, nanoseconds)
        self.late += nanoseconds > self.deadline

    def quantile(self, share: float) -> float:
        """Microseconds that a share of all blocks was done in; 0 where none were."""
        counted = np.cumsum(self._counts)
        if not counted[-1]:
            return 0.0
        slot = int(np.searchsorted(counted, share * counted[-1]))
        return (slot + 1) * SLOT / 1000

    def load(self) -> tuple[float, float]:
        """Median and 99th percentile of late, as shares of the deadline."""
        recent = self._recent[: self.blocks]
        if not recent.size:
            return 0.0, 0.0
        median, most = np.quantile(recent, (0.5, 0.99)) / self.deadline
        return float(median), float(most)

    def told(self) -> dict[str, float]:
        """Microseconds, and how many were late."""
        return {
            "blocks": self.blocks,
            "deadline_us": self.deadline / 1000,
            "p50_us": self.quantile(0.5),
            "p99_us": self.quantile(0.99),
            "p999_us": self.quantile(0.999),
            "worst_us": self.worst / 1000,
            "late": self.late,
        }
