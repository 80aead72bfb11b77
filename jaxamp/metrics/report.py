"""The set of numbers reported for a model on a recording."""

import numpy as np
from numpy.typing import ArrayLike

from jaxamp.dsp.level import LoudnessMeter, lufs
from jaxamp.metrics.spectral import SpectralTotals
from jaxamp.metrics.totals import Totals

PRE_EMPHASIS = 0.95
"""Of the reported pre-emphasised ESR. Source: Damskaegg et al. 2019, ICASSP."""


class Scores:
    """Collects every reported metric from pieces of any length.

    The result is that of the whole signal: no metric is averaged over pieces.
    """

    def __init__(self, sample_rate: int):
        self._plain = Totals()
        self._emphasised = Totals(PRE_EMPHASIS)
        self._spectral = SpectralTotals()
        self._predicted_loudness = LoudnessMeter(sample_rate)
        self._target_loudness = LoudnessMeter(sample_rate)

    def update(self, prediction: ArrayLike, target: ArrayLike) -> None:
        """Hears the next samples `[t]` of both."""
        for totals in (self._plain, self._emphasised, self._spectral):
            totals.update(prediction, target)
        self._predicted_loudness.update(prediction)
        self._target_loudness.update(target)

    def result(self) -> dict[str, float]:
        """Metric -> value; `lufs_difference` is positive if the model is louder."""
        loudness = self._predicted_loudness.result() - self._target_loudness.result()
        return {
            "esr": self._plain.esr,
            "esr_pre_emphasised": self._emphasised.esr,
            "mse": self._plain.mse,
            "mae": self._plain.mae,
            "dc": self._plain.dc,
            "mrstft": self._spectral.mrstft,
            "lufs_difference": loudness,
        }


def report(
    prediction: np.ndarray, target: np.ndarray, sample_rate: int
) -> dict[str, float]:
    """Every reported metric of a whole signal `[t]`."""
    scores = Scores(sample_rate)
    scores.update(prediction, target)
    return scores.result()


def lufs_difference(
    prediction: ArrayLike, target: ArrayLike, sample_rate: int
) -> float:
    """How much louder than the target the prediction is, in LU."""
    return lufs(prediction, sample_rate) - lufs(target, sample_rate)
