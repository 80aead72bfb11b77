"""What is reported: numbers over whole recordings, counted in double precision."""

from jaxamp.metrics.aliasing import aliasing
from jaxamp.metrics.moves import MoveScores
from jaxamp.metrics.report import Scores, lufs_difference, report
from jaxamp.metrics.spectral import SpectralTotals, mrstft
from jaxamp.metrics.totals import Totals, dc, esr, mae, mse

__all__ = [
    "MoveScores",
    "Scores",
    "SpectralTotals",
    "Totals",
    "aliasing",
    "dc",
    "esr",
    "lufs_difference",
    "mae",
    "mrstft",
    "mse",
    "report",
]
