"""One convolution over the past."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers import CausalConv
from jaxamp.models.record import Functions
from jaxamp.models.wrap import wrap


class Linear(nn.Module):
    """One convolution over the past.

    Shapes:
        x `[b, 1, t]`, past `[b, 1, p]` -> y `[b, 1, s]`, new past
    """

    receptive_field: int
    bias: bool

    @nn.compact
    def __call__(self, x: Array, state: Array) -> tuple[Array, Any]:
        return CausalConv(1, self.receptive_field, bias=self.bias, name="fir")(x, state)


def functions(receptive_field: int, bias: bool) -> Functions:
    """What the filter computes."""
    return wrap(
        Linear(receptive_field, bias),
        lambda _, batch, dtype: jnp.zeros((batch, 1, 0), dtype),
    )
