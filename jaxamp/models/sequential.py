"""Layers one after the other, each hearing only the one below it.

What Keras calls a sequential model: dense layers, causal convolutions, LSTM, GRU and
activations in any order. Knobs are further inputs of the first layer, behind the
guitar. Nothing goes around a layer, so there are no skips and no gates.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core import ConfigError, Model
from jaxamp.models.record import (
    Functions,
    knob_names,
    record,
    refuse_unlike_sizes,
    remember,
)
from jaxamp.models.recurrent import CELLS, SECONDS_TO_SETTLE

SEQUENTIAL_ACTIVATIONS = ("", "tanh", "relu", "sigmoid", "softmax", "elu")
"""The words of Keras; the empty one leaves the sound as it is, softmax goes over the
channels of each sample."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer's shape."""

    type: str
    """A name out of `LAYER_TYPES`."""
    inputs: int
    size: int
    activation: str = ""
    kernel_size: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def reach(self) -> int:
        """Samples of the past that a convolution hears beside the present one."""
        return (self.kernel_size - 1) * self.dilation

    @property
    def gates(self) -> int:
        """Rows of a recurrent layer's weights for each voice; else none."""
        return CELLS[self.type.upper()].gates if self.type in ("lstm", "gru") else 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates a sample."""
        if self.type == "activation":
            return 0
        if self.gates:
            return self.gates * self.size * (self.inputs + self.size)
        return self.size * (self.inputs // self.groups) * self.kernel_size

    @property
    def described(self) -> dict[str, Any]:
        """The JSON-able arguments that rebuild the layer, given the one below."""
        keys = ("type", *LAYER_TYPES[self.type])
        return {key: getattr(self, key) for key in keys}


LAYER_TYPES: Mapping[str, tuple[str, ...]] = {
    "dense": ("size", "activation"),
    "conv1d": ("size", "kernel_size", "dilation", "groups", "activation"),
    "lstm": ("size",),
    "gru": ("size",),
    "activation": ("activation",),
}
"""name -> its options"""


@remember
def sequential(
    *,
    layers: Sequence[Mapping[str, Any]],
    controls: Sequence[str] = (),
    sample_rate: int = 48_000,
) -> Model:
    """Layers one after the other, the last with one output.

    Args:
        layers: Each with a `type` out of `LAYER_TYPES` and its options. `size` must be
            given; the others are by default no activation, kernel_size 1, dilation 1
            and groups 1.
        controls: The names of its knobs.
    """
    controls = knob_names(controls)
    shapes = shaped(layers, 1 + len(controls))
    reach = sum(layer.reach for layer in shapes)
    remembers = any(layer.gates for layer in shapes)
    settling = round(SECONDS_TO_SETTLE * sample_rate) if remembers else 0

    def network() -> Functions:
        from jaxamp.models.networks.sequential import functions  # noqa: PLC0415 (Flax)

        return functions(shapes, len(controls))

    return record(
        network,
        architecture="Sequential",
        hyperparameters={
            "layers": [layer.described for layer in shapes],
            "controls": list(controls),
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        controls=controls,
        receptive_field=1 + reach,
        warmup=reach + settling,
        rings=True,
        macs_per_sample=sum(layer.macs for layer in shapes),
    )


def shaped(layers: Sequence[Mapping[str, Any]], inputs: int) -> tuple[Layer, ...]:
    """The layers with what each hears.

    Raises:
        ConfigError: Layers that make no model.
    """
    shapes: list[Layer] = []
    for given in layers:
        shapes.append(layer_of(given, inputs))
        inputs = shapes[-1].size
    if not shapes or inputs != 1:
        raise ConfigError(
            f"A Sequential's last layer must have one output, not {inputs}. End "
            "`layers` with {type: dense, size: 1}."
        )
    return tuple(shapes)


def layer_of(given: Mapping[str, Any], inputs: int) -> Layer:
    """One layer's shape, checked."""
    options = {key: value for key, value in given.items() if key != "type"}
    kind = str(given.get("type"))
    if kind not in LAYER_TYPES:
        known = ", ".join(LAYER_TYPES)
        raise ConfigError(f"Layer type {kind!r} is not known. Known are: {known}.")
    unknown = sorted(set(options) - set(LAYER_TYPES[kind]))
    if unknown or ("size" in LAYER_TYPES[kind] and "size" not in options):
        raise ConfigError(
            f"A {kind} layer was given {', '.join(options) or 'nothing'}. It takes: "
            f"{', '.join(LAYER_TYPES[kind])}."
        )
    wanted: dict[str, Any] = {"size": inputs, **options}
    layer = Layer(type=kind, inputs=inputs, **wanted)
    sizes = ("size", "kernel_size", "dilation", "groups")
    refuse_unlike_sizes(**{name: getattr(layer, name) for name in sizes})
    if layer.activation not in SEQUENTIAL_ACTIVATIONS:
        raise ConfigError(
            f"Activation {layer.activation!r} is not known to a Sequential. Known are: "
            f"{', '.join(map(repr, SEQUENTIAL_ACTIVATIONS))}."
        )
    if layer.groups != 1:
        raise ConfigError("Convolutions in groups are not supported.")
    if inputs % layer.groups or layer.size % layer.groups:
        raise ConfigError(
            f"A convolution in {layer.groups} groups cannot take {inputs} channels to "
            f"{layer.size}: both must be multiples of groups."
        )
    return layer
