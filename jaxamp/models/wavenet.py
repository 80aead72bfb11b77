"""WaveNet as the players know it: stacks of dilated, skip-connected convolutions.

Each layer hears the layer below and, directly, the guitar (the condition). The sum of
what all layers say is shrunk by a head and becomes the output, or the start of the
next array's sum.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core import ConfigError, Model, check_activation
from jaxamp.models.record import (
    Functions,
    freeze,
    record,
    refuse_unlike_sizes,
    remember,
)


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

    def macs(self, inputs: int) -> int:
        """Multiply-accumulates a sample: rechannel, layers with mixin and 1x1, head."""
        c = self.channels
        layers = sum(c * (c * kernel_size + 1 + c) for kernel_size in self.kernel_sizes)
        return c * inputs + layers + self.head_size * c * self.head_kernel_size


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
    head_scale = float(head_scale)

    def network() -> Functions:
        from jaxamp.models.networks.wavenet import functions  # noqa: PLC0415 (Flax)

        return functions(shapes, head_scale)

    return record(
        network,
        architecture="WaveNet",
        hyperparameters={
            "arrays": [described(shape) for shape in shapes],
            "head_scale": head_scale,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=receptive_field - 1,
        rings=True,
        macs_per_sample=count_macs(shapes),
    )


def count_macs(shapes: Sequence[LayerArray]) -> int:
    """Every weight multiplies once a sample; biases do not."""
    inputs = (1, *(shape.channels for shape in shapes))
    return sum(shape.macs(i) for i, shape in zip(inputs, shapes, strict=False))


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
    shape = LayerArray(
        channels=channels,
        dilations=tuple(dilations),
        kernel_sizes=per_layer("kernel_size", kernel_size, layers),
        activations=per_layer("activation", activation, layers),
        head_size=head_size,
        head_kernel_size=head_kernel_size,
        head_bias=head_bias,
    )
    refuse_unlike_sizes(
        channels=channels,
        dilations=shape.dilations,
        kernel_size=shape.kernel_sizes,
        head_size=head_size,
        head_kernel_size=head_kernel_size,
    )
    for spec in shape.activations:
        check_activation(spec)
    return shape


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
