"""WaveNet as the players know it: stacks of dilated, skip-connected convolutions.

Each layer hears the layer below and, directly, the guitar (the condition). The sum of
what all layers say is shrunk by a head and becomes the output, or the start of the
next array's sum.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array, ConfigError, Model
from jaxamp.layers import CausalConv, Pointwise, activation, last
from jaxamp.models.wrap import freeze, remember, wrap


@dataclasses.dataclass(frozen=True)
class LayerArray:
    """The shape of one layer array; the names are those of .nam files."""

    channels: int
    dilations: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    activations: tuple[Any, ...]
    head_size: int
    head_kernel_size: int = 1
    head_bias: bool = False

    @property
    def reach(self) -> int:
        """Samples of the past that still matter to the array's head."""
        layers = zip(self.kernel_sizes, self.dilations, strict=True)
        return sum((k - 1) * d for k, d in layers) + self.head_kernel_size - 1


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


@remember
def wavenet(
    *,
    arrays: Sequence[Mapping[str, Any]],
    head_scale: float = 0.02,
    sample_rate: int = 48_000,
) -> Model:
    """A WaveNet from the shapes of its layer arrays.

    Args:
        arrays: Each with `channels`, `dilations`, `head_size`, and optionally
            `kernel_size` (one number, or one for each layer; default 3), `activation`
            (one, or one for each layer; default Tanh), `head_kernel_size`, `head_bias`.
        head_scale: Factor on the output; fixed, not learned.
    """
    shapes = tuple(layer_array(**array) for array in arrays)
    for below, above in itertools.pairwise(shapes):
        if below.head_size != above.channels:
            raise ConfigError(
                f"A layer array with head_size {below.head_size} cannot feed one with "
                f"{above.channels} channels: the head's output starts the next "
                "array's sum, so the two numbers must be equal."
            )
    if not shapes or shapes[-1].head_size != 1:
        raise ConfigError("A WaveNet's last layer array must have head_size 1.")
    receptive_field = 1 + sum(shape.reach for shape in shapes)
    return wrap(
        WaveNet(shapes, head_scale),
        lambda _, batch, dtype: tuple(empty(shape, batch, dtype) for shape in shapes),
        architecture="WaveNet",
        hyperparameters={
            "arrays": [described(shape) for shape in shapes],
            "head_scale": head_scale,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=receptive_field - 1,
    )


def layer_array(
    *,
    channels: int,
    dilations: Sequence[int],
    head_size: int,
    kernel_size: int | Sequence[int] = 3,
    activation: Any = "Tanh",
    head_kernel_size: int = 1,
    head_bias: bool = False,
) -> LayerArray:
    """One array's shape, with single values spread over its layers."""
    layers = len(dilations)
    return LayerArray(
        channels=channels,
        dilations=tuple(dilations),
        kernel_sizes=per_layer("kernel_size", kernel_size, layers),
        activations=per_layer("activation", activation, layers),
        head_size=head_size,
        head_kernel_size=head_kernel_size,
        head_bias=head_bias,
    )


def per_layer(name: str, value: Any, layers: int) -> tuple[Any, ...]:
    """A value for each layer, from one value or a list of them."""
    if isinstance(value, str | int | Mapping):
        return (freeze(value),) * layers
    if len(value) != layers:
        raise ConfigError(
            f"{name} lists {len(value)} values for {layers} layers. Give one value, "
            "or one for each dilation."
        )
    return tuple(freeze(item) for item in value)


def described(shape: LayerArray) -> dict[str, Any]:
    """The JSON-able arguments that rebuild an array."""
    activations = [item if isinstance(item, str) else dict(item)
                   for item in shape.activations]  # fmt: skip
    return {
        "channels": shape.channels,
        "dilations": list(shape.dilations),
        "kernel_size": list(shape.kernel_sizes),
        "activation": activations,
        "head_size": shape.head_size,
        "head_kernel_size": shape.head_kernel_size,
        "head_bias": shape.head_bias,
    }


def empty(shape: LayerArray, batch: int, dtype: Any) -> dict[str, Any]:
    """The state of an array that knows nothing of the past."""
    past = jnp.zeros((batch, shape.channels, 0), dtype)
    return {"layers": (past,) * len(shape.dilations), "head": past}
