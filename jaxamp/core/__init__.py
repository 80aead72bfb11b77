"""Words: the model, the capture, the batch, the errors."""

from jaxamp.core.errors import (
    CaptureError,
    ConfigError,
    FormatError,
    JaxampError,
    RunError,
)
from jaxamp.core.model import (
    Array,
    Model,
    Params,
    State,
    parameter_count,
    silence,
    warm,
)
from jaxamp.core.types import Batch, Capture, Dataset, Loss, Recording

__all__ = [
    "Array",
    "Batch",
    "Capture",
    "CaptureError",
    "ConfigError",
    "Dataset",
    "FormatError",
    "JaxampError",
    "Loss",
    "Model",
    "Params",
    "Recording",
    "RunError",
    "State",
    "parameter_count",
    "silence",
    "warm",
]
