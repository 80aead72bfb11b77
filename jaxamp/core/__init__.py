"""Words: the model, the capture, the batch, the errors.

What computes is imported when it is first used: describing a model needs no JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

from jaxamp.core.activations import (
    ACTIVATION_OPTIONS,
    ActivationSpec,
    check_activation,
)
from jaxamp.core.conditioning import (
    CONDITIONING,
    Conditioning,
    check_conditioning,
)
from jaxamp.core.errors import (
    CaptureError,
    CloudError,
    ConfigError,
    FormatError,
    JaxampError,
    RunError,
)
from jaxamp.core.knobs import KNOB_MIDDLE, Moves, knob_places, knob_settings
from jaxamp.core.model import Array, Model, Params, State, parameter_count
from jaxamp.core.types import Capture, Dataset, Loss, Recording

if TYPE_CHECKING:
    from jaxamp.core.batch import Batch as Batch
    from jaxamp.core.past import silence as silence
    from jaxamp.core.past import warm as warm

HOMES = {
    "Batch": "jaxamp.core.batch",
    "silence": "jaxamp.core.past",
    "warm": "jaxamp.core.past",
}


def __getattr__(name: str) -> Any:
    """Imports a name that needs JAX when it is first used."""
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'jaxamp.core' has no attribute {name!r}")


__all__ = [
    "ACTIVATION_OPTIONS",
    "CONDITIONING",
    "KNOB_MIDDLE",
    "ActivationSpec",
    "Array",
    "Batch",
    "Capture",
    "CaptureError",
    "CloudError",
    "Conditioning",
    "ConfigError",
    "Dataset",
    "FormatError",
    "JaxampError",
    "Loss",
    "Model",
    "Moves",
    "Params",
    "Recording",
    "RunError",
    "State",
    "check_activation",
    "check_conditioning",
    "knob_places",
    "knob_settings",
    "parameter_count",
    "silence",
    "warm",
]
