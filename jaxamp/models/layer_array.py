"""The shape of a WaveNet's layer array: what its layers are made of, and what fits.

The words are those of .nam files, which can hold every shape there is here. What an
array does not use, most of it, is left out of its description.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jaxamp.core import ConfigError, check_activation
from jaxamp.models.record import freeze, refuse_unlike_sizes

FILM_SLOTS = (
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
)
"""Where in a layer the condition may modulate; in the order of .nam files."""

GATING = ("none", "gated", "blended")


@dataclasses.dataclass(frozen=True)
class Head1x1:
    """What each layer says, mixed anew before it is added to the sum."""

    out_channels: int
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class Layer1x1:
    """What each layer says, mixed for the layer above."""

    groups: int = 1


@dataclasses.dataclass(frozen=True)
class Film:
    """A modulation by the condition."""

    shift: bool = True
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class LayerArray:
    """The shape of one layer array."""

    channels: int
    dilations: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    activations: tuple[Any, ...]
    head_size: int
    head_kernel_size: int
    head_bias: bool
    bottleneck: int
    gating: tuple[str, ...]
    """Of each layer, a word out of `GATING`."""
    secondary_activations: tuple[Any, ...]
    """Of each layer; None where it is not gated."""
    groups: int
    mixin_groups: int
    layer1x1: Layer1x1 | None
    head1x1: Head1x1 | None
    film: tuple[tuple[str, Film], ...]
    """(slot, modulation) of the slots in use."""
    allowed_channels: tuple[int, ...]
    """Widths to which players may cut the array; none where it has one width."""

    @property
    def skip_size(self) -> int:
        """Channels of the sum of what the layers say."""
        return self.head1x1.out_channels if self.head1x1 else self.bottleneck

    def rows(self, layer: int) -> int:
        """Channels of a layer's convolution; gates take half of them."""
        return self.bottleneck * (1 if self.gating[layer] == "none" else 2)

    def modulated(self, layer: int, condition_size: int) -> Mapping[str, int]:
        """How many channels each slot has in a layer."""
        rows = self.rows(layer)
        sizes = (
            self.channels,
            rows,
            condition_size,
            rows,
            rows,
            self.bottleneck,
            self.channels,
            self.skip_size,
        )
        return dict(zip(FILM_SLOTS, sizes, strict=True))

    def unanswered(self, x: int, skip: int, condition: int) -> tuple[int, int]:
        """How many samples of an unknown past are not answered, above and at the head.

        Args:
            x, skip, condition: The same of what the array hears.
        """
        for kernel_size, dilation in zip(
            self.kernel_sizes, self.dilations, strict=True
        ):
            heard = max(x, condition) if "conv_pre_film" in dict(self.film) else x
            said = max(heard + (kernel_size - 1) * dilation, condition)
            skip = max(skip, said)
            if self.layer1x1:
                x = said
        return x, skip + self.head_kernel_size - 1

    def macs(self, inputs: int, condition_size: int) -> int:
        """Multiply-accumulates a sample, one for each weight."""
        layers = sum(
            self._layer_macs(layer, condition_size)
            for layer in range(len(self.dilations))
        )
        head = self.head_size * self.skip_size * self.head_kernel_size
        return self.channels * inputs + layers + head

    def _layer_macs(self, layer: int, condition_size: int) -> int:
        rows = self.rows(layer)
        macs = rows * self.channels // self.groups * self.kernel_sizes[layer]
        macs += rows * condition_size // self.mixin_groups
        if self.layer1x1:
            macs += self.channels * self.bottleneck // self.layer1x1.groups
        if self.head1x1:
            macs += self.skip_size * self.bottleneck // self.head1x1.groups
        sizes = self.modulated(layer, condition_size)
        for slot, film in self.film:
            made = (2 if film.shift else 1) * sizes[slot]
            macs += made * condition_size // film.groups
        return macs


def layer_array(
    *,
    channels: int,
    dilations: Sequence[int],
    head_size: int,
    kernel_size: int | Sequence[int] = 3,
    activation: Any = "Tanh",
    head_kernel_size: int = 1,
    head_bias: bool = False,
    bottleneck: int | None = None,
    gating: str | Sequence[str] = "none",
    secondary_activation: Any = "Sigmoid",
    groups: int = 1,
    mixin_groups: int = 1,
    layer1x1: Mapping[str, Any] | None = MappingProxyType({"groups": 1}),
    head1x1: Mapping[str, Any] | None = None,
    film: Mapping[str, Mapping[str, Any]] | None = None,
    allowed_channels: Sequence[int] = (),
) -> LayerArray:
    """One array's shape, with single values spread over its layers.

    Raises:
        ConfigError: A value of the wrong kind, or parts that do not fit together.
    """
    layers = len(dilations)
    modes = per_layer("gating", gating, layers)
    secondary = per_layer("secondary_activation", secondary_activation, layers)
    shape = LayerArray(
        channels=channels,
        dilations=tuple(dilations),
        kernel_sizes=per_layer("kernel_size", kernel_size, layers),
        activations=per_layer("activation", activation, layers),
        head_size=head_size,
        head_kernel_size=head_kernel_size,
        head_bias=head_bias,
        bottleneck=channels if bottleneck is None else bottleneck,
        gating=modes,
        secondary_activations=tuple(
            None if mode == "none" else spec
            for mode, spec in zip(modes, secondary, strict=True)
        ),
        groups=groups,
        mixin_groups=mixin_groups,
        layer1x1=None if layer1x1 is None else part(Layer1x1, "layer1x1", layer1x1),
        head1x1=None if head1x1 is None else part(Head1x1, "head1x1", head1x1),
        film=films(film or {}),
        allowed_channels=tuple(allowed_channels),
    )
    refuse_unlike(shape)
    return shape


def part(kind: type[Any], name: str, value: Any) -> Any:
    """A part of a layer from its options.

    Raises:
        ConfigError: An option that the part does not have, or one it lacks.
    """
    try:
        made = kind(**dict(value))
    except (TypeError, ValueError) as problem:
        known = ", ".join(field.name for field in dataclasses.fields(kind))
        raise ConfigError(f"{name}={value!r} must give {known}: {problem}.") from None
    sizes = dataclasses.asdict(made)
    if not isinstance(sizes.pop("shift", True), bool):
        raise ConfigError(f"{name}={value!r}: shift must be true or false.")
    refuse_unlike_sizes(**{f"{name}.{key}": size for key, size in sizes.items()})
    return made


def films(given: Mapping[str, Any]) -> tuple[tuple[str, Film], ...]:
    """The modulations in use, in the order of the slots."""
    unknown = [slot for slot in given if slot not in FILM_SLOTS]
    if unknown:
        raise ConfigError(
            f"film.{unknown[0]} is no place in a layer. Places are: "
            f"{', '.join(FILM_SLOTS)}."
        )
    return tuple(
        (slot, part(Film, f"film.{slot}", given[slot]))
        for slot in FILM_SLOTS
        if slot in given
    )


def refuse_unlike(shape: LayerArray) -> None:
    """Raises ConfigError for a value that is of the wrong kind by itself."""
    refuse_unlike_sizes(
        channels=shape.channels,
        dilations=shape.dilations,
        kernel_size=shape.kernel_sizes,
        head_size=shape.head_size,
        head_kernel_size=shape.head_kernel_size,
        bottleneck=shape.bottleneck,
        groups=shape.groups,
        mixin_groups=shape.mixin_groups,
        allowed_channels=shape.allowed_channels,
    )
    for mode in shape.gating:
        if mode not in GATING:
            raise ConfigError(
                f"gating={mode!r} is not known. Known are: {', '.join(GATING)}."
            )
    for spec in (*shape.activations, *filter(None, shape.secondary_activations)):
        _, options = check_activation(spec)
        slopes = options.get("negative_slopes")
        if slopes is not None and len(slopes) != shape.bottleneck:
            raise ConfigError(
                f"PReLU has {len(slopes)} negative_slopes for {shape.bottleneck} "
                "channels. Give one for each, or one negative_slope for all."
            )


def refuse_unfit(shape: LayerArray, condition_size: int) -> None:
    """Raises ConfigError where parts of a layer do not fit together."""
    used = dict(shape.film)
    if shape.layer1x1 is None and shape.bottleneck != shape.channels:
        raise ConfigError(
            f"Without layer1x1 the bottleneck, {shape.bottleneck}, must be as wide as "
            f"the channels, {shape.channels}: players know no other."
        )
    for slot, owner in (("layer1x1", shape.layer1x1), ("head1x1", shape.head1x1)):
        if owner is None and f"{slot}_post_film" in used:
            raise ConfigError(f"{slot}_post_film needs {slot}, which is off.")
    widths = shape.allowed_channels
    ascending = list(widths) == sorted(set(widths))
    if widths and not (ascending and widths[-1] == shape.channels):
        raise ConfigError(
            f"allowed_channels={list(widths)} must ascend and end with the channels, "
            f"{shape.channels}."
        )
    for layer in range(len(shape.dilations)):
        for name, groups, sizes in grouped(shape, layer, condition_size):
            if any(size % groups for size in sizes):
                raise ConfigError(
                    f"{name} in {groups} groups cannot share out "
                    f"{' and '.join(map(str, sizes))} channels evenly."
                )


def grouped(
    shape: LayerArray, layer: int, condition_size: int
) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """(name, groups, channels in and out) of everything in a layer that has groups."""
    rows, bottleneck = shape.rows(layer), shape.bottleneck
    yield "The convolution", shape.groups, (shape.channels, rows)
    yield "The input mixin", shape.mixin_groups, (condition_size, rows)
    if shape.layer1x1:
        yield "layer1x1", shape.layer1x1.groups, (bottleneck, shape.channels)
    if shape.head1x1:
        yield "head1x1", shape.head1x1.groups, (bottleneck, shape.skip_size)
    sizes = shape.modulated(layer, condition_size)
    for slot, film in shape.film:
        made = (2 if film.shift else 1) * sizes[slot]
        yield slot, film.groups, (condition_size, made)


def described(shape: LayerArray) -> dict[str, Any]:
    """The JSON-able arguments that rebuild an array; of the rare ones, those in use."""
    words: dict[str, Any] = {
        "channels": shape.channels,
        "dilations": list(shape.dilations),
        "kernel_size": list(shape.kernel_sizes),
        "activation": [thawed(item) for item in shape.activations],
        "head_size": shape.head_size,
        "head_kernel_size": shape.head_kernel_size,
        "head_bias": shape.head_bias,
    }
    if shape.bottleneck != shape.channels:
        words["bottleneck"] = shape.bottleneck
    if any(mode != "none" for mode in shape.gating):
        words["gating"] = list(shape.gating)
        words["secondary_activation"] = [
            thawed(item) for item in shape.secondary_activations
        ]
    for name in ("groups", "mixin_groups"):
        if getattr(shape, name) != 1:
            words[name] = getattr(shape, name)
    if shape.layer1x1 != Layer1x1():
        layer1x1 = shape.layer1x1
        words["layer1x1"] = layer1x1 and dataclasses.asdict(layer1x1)
    if shape.head1x1:
        words["head1x1"] = dataclasses.asdict(shape.head1x1)
    if shape.film:
        words["film"] = {slot: dataclasses.asdict(film) for slot, film in shape.film}
    if shape.allowed_channels:
        words["allowed_channels"] = list(shape.allowed_channels)
    return words


def thawed(spec: Any) -> Any:
    """An activation as JSON holds it: a name, or options that have one."""
    if spec is None or isinstance(spec, str):
        return spec
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in spec
    }


def per_layer(name: str, value: Any, layers: int) -> tuple[Any, ...]:
    """A value for each layer, from one value or a list of them."""
    if value is None or isinstance(value, str | int | Mapping):
        return (freeze(value),) * layers
    if len(value) != layers:
        raise ConfigError(
            f"{name} lists {len(value)} values for {layers} layers. Give one value, "
            "or one for each dilation."
        )
    return tuple(freeze(item) for item in value)
