"""Layer arrays: each a stack of dilated convolutions and a head that sums them up."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers import CausalConv, Pointwise, activation, last
from jaxamp.models.record import Functions
from jaxamp.models.wavenet import LayerArray
from jaxamp.models.wrap import wrap


class Layers(nn.Module):
    """One layer array.

    Shapes:
        x `[b, i, t]`, condition `[b, 1, t]`, skip `[b, channels, t]` or None, state
        -> x `[b, channels, s]`, skip `[b, head_size, s]`, state
    """

    shape: LayerArray

    @nn.compact
    def __call__(
        self, x: Array, condition: Array, skip: Any, state: Mapping[str, Any]
    ) -> tuple[Array, Array, Mapping[str, Any]]:
        shape = self.shape
        x = Pointwise(shape.channels, bias=False, name="rechannel")(x)
        pasts = []
        for index, (kernel_size, dilation, act) in enumerate(
            zip(shape.kernel_sizes, shape.dilations, shape.activations, strict=True)
        ):
            conv = CausalConv(
                shape.channels, kernel_size, dilation, name=f"conv_{index}"
            )
            z, past = conv(x, state["layers"][index])
            pasts.append(past)
            length = z.shape[2]
            heard = last(condition, length)
            z = z + Pointwise(shape.channels, bias=False, name=f"mixin_{index}")(heard)
            z = activation(act)(z)
            skip = z if skip is None else added(skip, z)
            layer1x1 = Pointwise(shape.channels, name=f"layer1x1_{index}")
            x = last(x, length) + layer1x1(z)
        head = CausalConv(
            shape.head_size, shape.head_kernel_size, bias=shape.head_bias, name="head"
        )
        skip, past = head(skip, state["head"])
        return x, skip, {"layers": tuple(pasts), "head": past}


def added(skip: Array, z: Array) -> Array:
    """Their sum where both are certain: of either, the newest samples.

    From an unknown past, a layer answers less than the layer below; a head with a
    memory of its own may answer less still than the next array's first layers.
    """
    length = min(skip.shape[2], z.shape[2])
    return last(skip, length) + last(z, length)


class WaveNet(nn.Module):
    """Layer arrays, one after the other.

    Shapes:
        x `[b, 1, t]`, state -> y `[b, 1, s]`, state

    Source:
        van den Oord et al. 2016; the array layout of .nam files.
    """

    arrays: tuple[LayerArray, ...]
    head_scale: float

    @nn.compact
    def __call__(self, x: Array, state: tuple[Any, ...]) -> tuple[Array, Any]:
        condition = x
        skip: Any = None
        new_state = []
        for index, (shape, past) in enumerate(zip(self.arrays, state, strict=True)):
            layers = Layers(shape, name=f"array_{index}")
            x, skip, new_past = layers(x, condition, skip, past)
            new_state.append(new_past)
        return jnp.asarray(self.head_scale, x.dtype) * skip, tuple(new_state)


def functions(shapes: tuple[LayerArray, ...], head_scale: float) -> Functions:
    """What the arrays compute, one after the other."""
    return wrap(
        WaveNet(shapes, head_scale),
        lambda _, batch, dtype: tuple(empty(shape, batch, dtype) for shape in shapes),
    )


def empty(shape: LayerArray, batch: int, dtype: Any) -> dict[str, Any]:
    """The state of an array that knows nothing of the past."""
    past = jnp.zeros((batch, shape.channels, 0), dtype)
    return {"layers": (past,) * len(shape.dilations), "head": past}
