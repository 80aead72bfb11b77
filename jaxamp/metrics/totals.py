"""Metrics that follow from sums, so that a stream of any length costs five numbers.

Everything is counted in double precision on the host. A signal that arrives in
pieces gives the same numbers as the whole, not an average over its pieces.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from jaxamp.dsp.filters import pre_emphasis as emphasised


class Totals:
    """Adds up a prediction and its target, piece by piece.

    Args:
        pre_emphasis: Coefficient of the treble tilt given to both first, or None.
    """

    def __init__(self, pre_emphasis: float | None = None):
        self._pre_emphasis = pre_emphasis
        self._last = np.zeros((2, 0))
        self.samples = 0
        self.error_energy = 0.0
        self.target_energy = 0.0
        self.absolute_error = 0.0
        self.error_sum = 0.0

    def update(self, prediction: ArrayLike, target: ArrayLike) -> None:
        """Hears the next samples `[t]` of both."""
        heard, wanted = self._tilted(np.stack([prediction, target]).astype(float))
        error = wanted - heard
        self.samples += error.size
        self.error_energy += float(np.sum(error**2))
        self.target_energy += float(np.sum(wanted**2))
        self.absolute_error += float(np.sum(np.abs(error)))
        self.error_sum += float(np.sum(error))

    def _tilted(self, pair: np.ndarray) -> np.ndarray:
        if self._pre_emphasis is None or not pair.size:
            return pair
        joined = np.concatenate([self._last, pair], axis=1)
        self._last = joined[:, -1:]
        return emphasised(joined, self._pre_emphasis)

    @property
    def esr(self) -> float:
        """Energy of the mistake over energy of the target; 0 is perfect.

        Against a silent target any mistake is infinitely wrong, and silence right.
        """
        return _ratio(self.error_energy, self.target_energy)

    @property
    def mse(self) -> float:
        """Mean squared error."""
        return _ratio(self.error_energy, self.samples)

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return _ratio(self.absolute_error, self.samples)

    @property
    def dc(self) -> float:
        """The squared mean of the mistake over the power of the target."""
        return _ratio(self.error_sum**2, self.samples * self.target_energy)


def _ratio(numerator: float, denominator: float) -> float:
    if denominator:
        return numerator / denominator
    return math.inf if numerator else 0.0


def esr(
    prediction: ArrayLike, target: ArrayLike, *, pre_emphasis: float | None = None
) -> float:
    """Error-to-signal ratio of a whole signal: 0 is perfect, 1 is as wrong as silence.

    Shapes:
        prediction, target `[t]`
    """
    return _totals(prediction, target, pre_emphasis).esr


def mse(prediction: ArrayLike, target: ArrayLike) -> float:
    """Mean squared error of a whole signal."""
    return _totals(prediction, target).mse


def mae(prediction: ArrayLike, target: ArrayLike) -> float:
    """Mean absolute error of a whole signal."""
    return _totals(prediction, target).mae


def dc(prediction: ArrayLike, target: ArrayLike) -> float:
    """The squared mean of the mistake over the power of the target."""
    return _totals(prediction, target).dc


def _totals(
    prediction: ArrayLike, target: ArrayLike, pre_emphasis: float | None = None
) -> Totals:
    totals = Totals(pre_emphasis)
    totals.update(prediction, target)
    return totals
