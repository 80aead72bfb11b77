"""A plain stack of dilated convolutions: no skips, no direct line from the guitar."""

from collections.abc import Sequence
from typing import Any

from jaxamp.core import Model, check_activation
from jaxamp.models.record import (
    Functions,
    freeze,
    record,
    refuse_unlike_sizes,
    remember,
)

KERNEL_SIZE = 2
"""Players' ConvNet files know no other."""


@remember
def convnet(
    *,
    channels: int = 8,
    dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    activation: Any = "Tanh",
    sample_rate: int = 48_000,
) -> Model:
    """A ConvNet in the players' sense, without batch normalisation.

    A file with batch normalisation is read by folding it into the convolutions.
    """
    dilations = tuple(dilations)
    refuse_unlike_sizes(channels=channels, dilations=dilations)
    check_activation(activation)
    inputs = (1,) + (channels,) * (len(dilations) - 1)
    receptive_field = 1 + (KERNEL_SIZE - 1) * sum(dilations)

    def network() -> Functions:
        from jaxamp.models.networks.convnet import functions  # noqa: PLC0415 (Flax)

        return functions(channels, dilations, freeze(activation))

    return record(
        network,
        architecture="ConvNet",
        hyperparameters={
            "channels": channels,
            "dilations": list(dilations),
            "activation": activation,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=receptive_field - 1,
        rings=True,
        macs_per_sample=channels * (KERNEL_SIZE * sum(inputs) + 1),
    )
