"""What training minimises: (prediction, target) -> one number per example."""

from jaxamp.losses.samples import dc, esr, log_cosh, mae, mse
from jaxamp.losses.spectral import mrstft, stft
from jaxamp.losses.weighted import LOSSES, Term, WeightedSum, weighted_sum

__all__ = [
    "LOSSES",
    "Term",
    "WeightedSum",
    "dc",
    "esr",
    "log_cosh",
    "mae",
    "mrstft",
    "mse",
    "stft",
    "weighted_sum",
]
