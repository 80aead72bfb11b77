"""A plain stack of dilated convolutions: no skips, no direct line from the guitar."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array, Model
from jaxamp.layers import CausalConv, Pointwise
from jaxamp.layers import activation as named_activation
from jaxamp.models.wrap import freeze, remember, wrap

KERNEL_SIZE = 2
"""Players' ConvNet files know no other."""


class ConvNet(nn.Module):
    """Blocks of convolution and activation, then a linear head.

    Shapes:
        x `[b, 1, t]`, state -> y `[b, 1, s]`, state
    """

    channels: int
    dilations: tuple[int, ...]
    activation: Any

    @nn.compact
    def __call__(self, x: Array, state: tuple[Array, ...]) -> tuple[Array, Any]:
        new_state = []
        for index, (dilation, past) in enumerate(
            zip(self.dilations, state, strict=True)
        ):
            conv = CausalConv(
                self.channels, KERNEL_SIZE, dilation, name=f"conv_{index}"
            )
            x, new_past = conv(x, past)
            x = named_activation(self.activation)(x)
            new_state.append(new_past)
        return Pointwise(1, name="head")(x), tuple(new_state)


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
    inputs = (1,) + (channels,) * (len(dilations) - 1)
    named_activation(activation)
    receptive_field = 1 + (KERNEL_SIZE - 1) * sum(dilations)
    return wrap(
        ConvNet(channels, dilations, freeze(activation)),
        lambda _, batch, dtype: tuple(jnp.zeros((batch, i, 0), dtype) for i in inputs),
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
    )
