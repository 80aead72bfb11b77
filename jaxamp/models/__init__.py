"""Architectures: each builds a `Model` from JSON-able hyperparameters."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxamp.core import FormatError, Model
from jaxamp.models.baking import bake, unturned
from jaxamp.models.container import Container, Size, container
from jaxamp.models.convnet import convnet
from jaxamp.models.greybox import greybox
from jaxamp.models.linear import linear
from jaxamp.models.moving import moving_macs
from jaxamp.models.recurrent import is_recurrent, recurrent
from jaxamp.models.scale import output_layer, scale_output
from jaxamp.models.sequential import sequential
from jaxamp.models.wavenet import wavenet

BUILDERS: Mapping[str, Callable[..., Model]] = {
    "WaveNet": wavenet,
    "LSTM": recurrent,
    "GRU": recurrent,
    "ConvNet": convnet,
    "Linear": linear,
    "Sequential": sequential,
    "GreyBox": greybox,
}


def build(architecture: str, hyperparameters: Mapping[str, Any]) -> Model:
    """The model a record describes: `build(m.architecture, m.hyperparameters)`."""
    if architecture not in BUILDERS:
        raise FormatError(
            f"Architecture {architecture!r} is not known. Known are: "
            f"{', '.join(BUILDERS)}."
        )
    return BUILDERS[architecture](**hyperparameters)


__all__ = [
    "BUILDERS",
    "Container",
    "Size",
    "bake",
    "build",
    "container",
    "convnet",
    "greybox",
    "is_recurrent",
    "linear",
    "moving_macs",
    "output_layer",
    "recurrent",
    "scale_output",
    "sequential",
    "unturned",
    "wavenet",
]
