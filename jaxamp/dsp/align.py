"""By how much a recording lags behind its input, and how both are brought in line."""

import dataclasses

import numpy as np

SAFETY = 1
"""Samples by which a delay is taken smaller when applied, so that rounding never
makes a target sample precede its cause."""


@dataclasses.dataclass(frozen=True)
class Delay:
    """By how much the target lags, and how well that is known."""

    samples: int
    """The first target sample that answers the first input sample."""
    exact: float
    """The same before rounding; hundredths mean little, tenths do."""
    polarity: int
    """+1, or -1 where the target resembles the input turned upside down."""
    confidence: float
    """How far the arrival rises above the noise floor, as a ratio."""
    method: str
    """`blips` or `signals`."""
    warnings: tuple[str, ...] = ()

    @property
    def applied(self) -> int:
        """Samples to take out: one less than measured, never below zero."""
        return max(0, self.samples - SAFETY)


def align(
    input: np.ndarray, target: np.ndarray, delay: int
) -> tuple[np.ndarray, np.ndarray]:
    """Takes out a whole number of samples, so that sample n answers sample n.

    The recording's first `delay` samples go, and both end where the shorter ends.
    A negative delay drops the input's beginning instead.
    """
    x, y = input[max(0, -delay) :], target[max(0, delay) :]
    length = min(len(x), len(y))
    return x[:length], y[:length]


def crossing(values: np.ndarray, place: int, threshold: float) -> float:
    """Where the straight line up to `values[place]` meets the threshold."""
    before, after = float(values[place - 1]), float(values[place])
    return place - (after - threshold) / (after - min(before, threshold))
