"""Blocks of convolution and activation, then a linear head."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers import CausalConv, Pointwise
from jaxamp.layers import activation as named_activation
from jaxamp.models.convnet import KERNEL_SIZE
from jaxamp.models.record import Functions
from jaxamp.models.wrap import wrap


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


def functions(channels: int, dilations: tuple[int, ...], activation: Any) -> Functions:
    """What the stack computes."""
    inputs = (1,) + (channels,) * (len(dilations) - 1)
    return wrap(
        ConvNet(channels, dilations, activation),
        lambda _, batch, dtype: tuple(jnp.zeros((batch, i, 0), dtype) for i in inputs),
    )
