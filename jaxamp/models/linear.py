"""A finite impulse response: a cabinet or an equaliser, and the baseline for amps."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array, Model
from jaxamp.layers import CausalConv
from jaxamp.models.wrap import remember, wrap


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


@remember
def linear(
    *, receptive_field: int = 2048, bias: bool = False, sample_rate: int = 48_000
) -> Model:
    """An FIR filter of `receptive_field` samples, optionally with an offset."""
    return wrap(
        Linear(receptive_field, bias),
        lambda _, batch, dtype: jnp.zeros((batch, 1, 0), dtype),
        architecture="Linear",
        hyperparameters={
            "receptive_field": receptive_field,
            "bias": bias,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=receptive_field - 1,
    )
