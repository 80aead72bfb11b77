"""Layers one after the other."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers import GRU, LSTM, CausalConv, Pointwise
from jaxamp.models.record import Functions
from jaxamp.models.recurrent import CELLS
from jaxamp.models.sequential import Layer
from jaxamp.models.wrap import wrap

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "": lambda x: x,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softmax": lambda x: jax.nn.softmax(x, axis=1),
    "elu": jax.nn.elu,
}
"""name -> function of `[b, c, t]`"""


class Sequential(nn.Module):
    """Layers one after the other.

    Shapes:
        x `[b, 1 + knobs, t]`, state -> y `[b, 1, s]`, state
    """

    layers: tuple[Layer, ...]

    @nn.compact
    def __call__(self, x: Array, state: tuple[Any, ...]) -> tuple[Array, Any]:
        new_state = []
        for index, (layer, past) in enumerate(zip(self.layers, state, strict=True)):
            name, new_past = f"layer_{index}", past
            if layer.type == "dense":
                x = Pointwise(layer.size, name=name)(x)
            elif layer.type == "conv1d":
                x, new_past = convolution(layer, name)(x, past)
            elif layer.gates:
                cells = LSTM if layer.type == "lstm" else GRU
                x, new_past = cells(layer.size, name=name)(x, past)
            x = ACTIVATIONS[layer.activation](x)
            new_state.append(new_past)
        return x, tuple(new_state)


def convolution(layer: Layer, name: str) -> CausalConv:
    """The layer that a shape describes."""
    return CausalConv(layer.size, layer.kernel_size, layer.dilation, name=name)


def functions(layers: tuple[Layer, ...], knobs: int) -> Functions:
    """What the layers compute, one after the other."""

    def empty_state(_: Any, batch: int, dtype: Any) -> tuple[Any, ...]:
        return tuple(empty(layer, batch, dtype) for layer in layers)

    return wrap(Sequential(layers), empty_state, knobs)


def empty(layer: Layer, batch: int, dtype: Any) -> Any:
    """The state of a layer that knows nothing of the past."""
    if layer.type == "conv1d":
        return jnp.zeros((batch, layer.inputs, 0), dtype)
    if layer.gates:
        parts = CELLS[layer.type.upper()].state
        return tuple(jnp.zeros((batch, layer.size), dtype) for _ in parts)
    return ()
