"""WaveNet as the players know it: stacks of dilated, skip-connected convolutions.

Each layer hears the layer below and, directly, a condition: the guitar, or what a
smaller network makes of it. The sum of what all layers say is shrunk by a head and
becomes the output, or the start of the next array's sum.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxamp.core import Conditioning, ConfigError, Model, check_activation
from jaxamp.models.convnet import convnet
from jaxamp.models.layer_array import (
    LayerArray,
    described,
    layer_array,
    refuse_unfit,
    thawed,
)
from jaxamp.models.linear import linear
from jaxamp.models.record import (
    Functions,
    freeze,
    knob_names,
    knobs_reach,
    record,
    refuse_unlike_sizes,
    remember,
)
from jaxamp.models.recurrent import recurrent


@dataclasses.dataclass(frozen=True)
class PostHead:
    """Activations and convolutions in turn, after all arrays."""

    kernel_sizes: tuple[int, ...]
    channels: int
    activation: Any
    out_channels: int = 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that come out of each convolution."""
        between = (self.channels,) * (len(self.kernel_sizes) - 1)
        return (*between, self.out_channels)

    def macs(self, inputs: int) -> int:
        """Multiply-accumulates a sample."""
        heard = (inputs, *self.widths)
        sizes = zip(heard, self.widths, self.kernel_sizes, strict=False)
        return sum(i * o * k for i, o, k in sizes)


@dataclasses.dataclass(frozen=True)
class Shape:
    """Everything that decides what a WaveNet computes, apart from its parameters."""

    arrays: tuple[LayerArray, ...]
    head_scale: float
    head: PostHead | None
    condition: Model | None
    condition_size: int
    controls: tuple[str, ...] = ()
    """The names of the knobs that the layers themselves are told of."""
    conditioning: Conditioning | None = None
    """How they are told."""

    @property
    def outputs(self) -> int:
        """Channels of the output: one of an amp, more of what conditions another."""
        return self.head.out_channels if self.head else self.arrays[-1].head_size

    @property
    def unanswered(self) -> int:
        """Samples of an unknown past that are not answered."""
        condition = self.condition.receptive_field - 1 if self.condition else 0
        x = skip = 0
        for array in self.arrays:
            x, skip = array.unanswered(x, skip, condition)
        head = sum(size - 1 for size in self.head.kernel_sizes) if self.head else 0
        return skip + head

    @property
    def warmup(self) -> int:
        """Samples that settle an unknown past, that of the condition included."""
        if self.condition is None:
            return self.unanswered
        unheard = self.condition.receptive_field - 1
        return self.unanswered + self.condition.warmup - unheard

    @property
    def macs(self) -> int:
        """Multiply-accumulates a sample."""
        inputs = (1, *(array.channels for array in self.arrays))
        macs = sum(
            array.macs(i, self.condition_size)
            for array, i in zip(self.arrays, inputs, strict=False)
        )
        if self.head:
            macs += self.head.macs(self.arrays[-1].head_size)
        if self.conditioning:
            macs += self.conditioned_macs(self.conditioning)
        return macs + (self.condition.macs_per_sample if self.condition else 0)

    def conditioned_macs(self, conditioning: Conditioning) -> int:
        """What knobs at rest add, a sample."""
        layers = sum(
            conditioning.layer_macs(
                array.rows(layer),
                array.channels * array.kernel_sizes[layer] + self.condition_size,
            )
            for array in self.arrays
            for layer in range(len(array.dilations))
        )
        return layers + self.outputs * conditioning.of_output


@remember
def wavenet(
    *,
    arrays: Sequence[Mapping[str, Any]],
    head_scale: float = 0.02,
    head: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    controls: Sequence[str] = (),
    conditioning: Any = None,
    sample_rate: int = 48_000,
) -> Model:
    """A WaveNet from the shapes of its layer arrays.

    Args:
        arrays: Each with `channels`, `dilations`, `head_size`, and optionally
            `kernel_size` (one number, or one for each layer; default 3), `activation`
            (one, or one for each layer; default Tanh), `head_kernel_size`,
            `head_bias`; and, of the rarer parts, `bottleneck`, `gating` with
            `secondary_activation`, `groups`, `mixin_groups`, `layer1x1`, `head1x1`,
            `film`, `allowed_channels`: see `jaxamp.models.layer_array`.
        head_scale: Factor on the output of the arrays; fixed, not learned.
        head: A post-stack head: `{kernel_sizes, channels, activation}`.
        condition: What the layers hear beside the layer below, as
            `{architecture, hyperparameters}`; by default the guitar itself.
        controls: The names of its knobs.
        conditioning: How they reach the layers, `{kind: film}` or so; see
            `jaxamp.core.conditioning`. By default by concat.
    """
    shape = checked_shape(
        arrays, head_scale, head, condition, sample_rate, controls, conditioning
    )
    if shape.outputs != 1:
        raise ConfigError(
            "A WaveNet's last layer array must have head_size 1: an amp has one "
            "output. More are for networks that condition another."
        )
    return described_model(shape, sample_rate)


def checked_shape(
    arrays: Sequence[Mapping[str, Any]],
    head_scale: float = 0.02,
    head: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    sample_rate: int = 48_000,
    controls: Sequence[str] = (),
    conditioning: Any = None,
) -> Shape:
    """The shape, with everything fitting together; any number of outputs."""
    shapes = tuple(layer_array(**array) for array in arrays)
    if not shapes:
        raise ConfigError("A WaveNet needs at least one layer array.")
    heard, size = condition_model(condition, sample_rate)
    for shape in shapes:
        refuse_unfit(shape, size)
    for below, above in itertools.pairwise(shapes):
        if below.head_size != above.skip_size:
            raise ConfigError(
                f"A layer array with head_size {below.head_size} cannot feed one with "
                f"{above.skip_size} channels: the head's output starts the next "
                "array's sum, so the two numbers must be equal."
            )
    names = knob_names(controls)
    told = knobs_reach(conditioning, names)
    shape = Shape(shapes, float(head_scale), post_head(head), heard, size, names, told)
    if told is not None:
        refuse_unturnable(shape, told)
    return shape


def refuse_unturnable(shape: Shape, conditioning: Conditioning) -> None:
    """Raises ConfigError for parts of a WaveNet that its knobs cannot turn."""
    if shape.condition:
        raise ConfigError(
            f"The WaveNet has knobs, {', '.join(shape.controls)}, and a network that "
            f"conditions it, a {shape.condition.architecture}; it can have one or the "
            "other. Leave out condition, or the knobs."
        )
    for array in shape.arrays:
        if array.film:
            raise ConfigError(
                f"A WaveNet with {array.film[0][0]} has its layers modulated by the "
                "guitar already, and knobs cannot turn them. Leave out film, or the "
                "knobs."
            )
        if conditioning.kind == "hyper" and max(array.groups, array.mixin_groups) > 1:
            raise ConfigError(
                "conditioning=hyper changes the weights between all channels, and a "
                "WaveNet with groups has some that do not hear each other. Use "
                "conditioning=film."
            )


def described_model(shape: Shape, sample_rate: int) -> Model:
    """The model of a shape."""

    def network() -> Functions:
        from jaxamp.models.networks.wavenet import functions  # noqa: PLC0415 (Flax)

        return functions(shape)

    return record(
        network,
        architecture="WaveNet",
        hyperparameters=words(shape) | {"sample_rate": sample_rate},
        sample_rate=sample_rate,
        receptive_field=1 + shape.unanswered,
        warmup=shape.warmup,
        controls=shape.condition.controls if shape.condition else shape.controls,
        rings=True,
        macs_per_sample=shape.macs,
    )


def words(shape: Shape) -> dict[str, Any]:
    """The JSON-able arguments that rebuild a shape; of the rare ones, those in use."""
    words: dict[str, Any] = {
        "arrays": [described(array) for array in shape.arrays],
        "head_scale": shape.head_scale,
    }
    if shape.head:
        words["head"] = {
            "kernel_sizes": list(shape.head.kernel_sizes),
            "channels": shape.head.channels,
            "activation": thawed(shape.head.activation),
            "out_channels": shape.head.out_channels,
        }
    if shape.condition:
        words["condition"] = {
            "architecture": shape.condition.architecture,
            "hyperparameters": dict(shape.condition.hyperparameters),
        }
    if shape.conditioning:
        words["controls"] = list(shape.controls)
        words["conditioning"] = shape.conditioning.words
    return words


def post_head(given: Mapping[str, Any] | None) -> PostHead | None:
    """The post-stack head that options describe."""
    if given is None:
        return None
    try:
        head = PostHead(**{key: freeze(value) for key, value in given.items()})
    except TypeError as problem:
        known = ", ".join(field.name for field in dataclasses.fields(PostHead))
        raise ConfigError(f"head={given!r} must give {known}: {problem}.") from None
    if not head.kernel_sizes:
        raise ConfigError("head.kernel_sizes must list at least one size.")
    refuse_unlike_sizes(
        **{
            "head.kernel_sizes": head.kernel_sizes,
            "head.channels": head.channels,
            "head.out_channels": head.out_channels,
        }
    )
    check_activation(head.activation)
    return head


OTHERS: Mapping[str, Callable[..., Model]] = {
    "LSTM": recurrent,
    "GRU": recurrent,
    "ConvNet": convnet,
    "Linear": linear,
}
"""Architectures of one output that may condition a WaveNet; another WaveNet may too."""


def condition_model(
    given: Mapping[str, Any] | None, sample_rate: int
) -> tuple[Model | None, int]:
    """What makes the condition, and its channels; nothing makes the guitar itself."""
    if given is None:
        return None, 1
    architecture = str(given.get("architecture"))
    options = {**given.get("hyperparameters", {}), "sample_rate": sample_rate}
    if architecture == "WaveNet":
        shape = checked_shape(**options)
        return described_model(shape, sample_rate), shape.outputs
    if architecture not in OTHERS:
        raise ConfigError(
            f"condition.architecture={architecture!r} is not known. Known are: "
            f"WaveNet, {', '.join(OTHERS)}."
        )
    return OTHERS[architecture](**options), 1
