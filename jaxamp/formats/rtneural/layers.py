"""One layer of an RTNeural file: Keras's order of the weights, and ours.

Keras has inputs before outputs, and the gates of a GRU as update, reset, new; a GRU
has a bias for its input and one for its past, as in PyTorch (`reset_after`). The first
tap of a convolution is the oldest, here and there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxamp.core import ConfigError
from jaxamp.formats.arrays import numbers, outline, read_array
from jaxamp.formats.fields import Fields
from jaxamp.formats.layout import Slot
from jaxamp.formats.strict_json import shown
from jaxamp.models.sequential import (
    LAYER_TYPES,
    SEQUENTIAL_ACTIVATIONS,
    Layer,
    layer_of,
)

TYPES = {"time-distributed-dense": "dense"}
"""Other words for a layer's type."""


def read_layer(fields: Fields, inputs: int) -> tuple[Layer, dict[str, np.ndarray]]:
    """A layer and its parameters, in double precision; problems are noted."""
    layer = read_shape(fields, inputs)
    expected = weight_shapes(layer)
    weights = fields.take("weights", [])
    if not isinstance(weights, list) or len(weights) != len(expected):
        fields.note("weights", f"must list {len(expected)}, not {outline(weights)}")
        weights = [None] * len(expected)
    arrays = [
        read_array(fields, f"weights[{i}]", value, shape)
        for i, (value, shape) in enumerate(zip(weights, expected, strict=True))
    ]
    fields.refuse_unread()
    fits = [array.shape for array in arrays] == expected
    return layer, from_keras(layer, arrays) if fits else {}


def read_shape(fields: Fields, inputs: int) -> Layer:
    """What the layer is, without its weights."""
    kind = fields.take("type")
    kind = TYPES.get(kind, kind) if isinstance(kind, str) else None
    if kind not in LAYER_TYPES:
        known = ", ".join((*LAYER_TYPES, *TYPES))
        fields.note("type", f"is {shown(fields.take('type'))}; supported are {known}")
        return Layer("activation", inputs, inputs)
    options: dict[str, Any] = {"type": kind}
    size = read_last(fields, "shape", inputs if kind == "activation" else None)
    if kind == "activation" and size != inputs:
        fields.note("shape", f"ends with {size}, and {inputs} channels come in")
    if kind != "activation":
        options["size"] = size
    activation = read_activation(fields)
    if kind in ("lstm", "gru"):
        # What Keras calls the layer's activation is the tanh inside its cells.
        if activation not in ("", "tanh"):
            fields.note("activation", f"is {activation}; players' cells know tanh only")
    else:
        options["activation"] = activation
    if kind == "conv1d":
        options["kernel_size"] = read_last(fields, "kernel_size")
        options["dilation"] = read_last(fields, "dilation", 1)
        options["groups"] = fields.integer("groups", 1)
    try:
        return layer_of(options, inputs)
    except ConfigError as problem:
        fields.note("", f"is not supported: {problem}".rstrip("."))
        return Layer("activation", inputs, inputs)


def read_last(fields: Fields, key: str, default: int | None = None) -> int:
    """The last number of a list, or a number by itself."""
    value = fields.take(key, default)
    if isinstance(value, list):
        value = value[-1] if value else None
    return Fields({key: value}, fields.where, fields.problems).integer(key)


def read_activation(fields: Fields) -> str:
    value = fields.take("activation", "")
    if value not in SEQUENTIAL_ACTIVATIONS:
        known = ", ".join(filter(None, SEQUENTIAL_ACTIVATIONS))
        fields.note("activation", f"is {shown(value)}; players know {known}")
        return ""
    return value


def written_layer(layer: Layer, params: Mapping[str, Any]) -> dict[str, Any]:
    """The layer as the file holds it."""
    value: dict[str, Any] = {
        "type": layer.type,
        "activation": layer.activation,
        "shape": [None, None, layer.size],
    }
    if layer.type == "conv1d":
        value["kernel_size"] = [layer.kernel_size]
        value["dilation"] = [layer.dilation]
        value["groups"] = layer.groups
    value["weights"] = [numbers(array) for array in to_keras(layer, params)]
    return value


def weight_shapes(layer: Layer) -> list[tuple[int, ...]]:
    """The arrays that the file holds for a layer."""
    inputs, size, rows = layer.inputs, layer.size, layer.gates * layer.size
    return {
        "dense": [(inputs, size), (size,)],
        "conv1d": [(layer.kernel_size, inputs // layer.groups, size), (size,)],
        "lstm": [(inputs, rows), (size, rows), (rows,)],
        "gru": [(inputs, rows), (size, rows), (2, rows)],
        "activation": [],
    }[layer.type]


def slots(layer: Layer, root: str) -> list[Slot]:
    """The parameters that jaxamp holds for a layer."""
    inputs, size, rows = layer.inputs, layer.size, layer.gates * layer.size
    recurrent = {"input_weight": (rows, inputs), "recurrent_weight": (rows, size)}
    found: dict[str, tuple[int, ...]] = {
        "dense": {"weight": (size, inputs, 1), "bias": (size,)},
        "conv1d": {
            "weight": (size, inputs // layer.groups, layer.kernel_size),
            "bias": (size,),
        },
        "lstm": {**recurrent, "bias": (rows,)},
        "gru": {**recurrent, "input_bias": (rows,), "recurrent_bias": (rows,)},
        "activation": {},
    }[layer.type]
    return [Slot((root, name), shape) for name, shape in found.items()]


def from_keras(layer: Layer, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The file's arrays as the layer's parameters."""
    if layer.type == "activation":
        return {}
    if not layer.gates:
        weight, bias = arrays
        weight = weight[None] if layer.type == "dense" else weight
        return {"weight": weight.transpose(2, 1, 0), "bias": bias}
    of_input, of_past, bias = arrays
    if layer.type == "gru":
        of_input, of_past, bias = map(reset_and_update_swapped, arrays)
    params = {"input_weight": of_input.T, "recurrent_weight": of_past.T}
    if layer.type == "gru":
        return params | {"input_bias": bias[0], "recurrent_bias": bias[1]}
    return params | {"bias": bias}


def to_keras(layer: Layer, params: Mapping[str, Any]) -> list[np.ndarray]:
    """The layer's parameters as the file's arrays."""
    if layer.type == "activation":
        return []
    if not layer.gates:
        weight = params["weight"].transpose(2, 1, 0)
        return [weight[0] if layer.type == "dense" else weight, params["bias"]]
    arrays = [params["input_weight"].T, params["recurrent_weight"].T]
    if layer.type == "lstm":
        return [*arrays, params["bias"]]
    biases = np.stack([params["input_bias"], params["recurrent_bias"]])
    return [reset_and_update_swapped(array) for array in (*arrays, biases)]


def reset_and_update_swapped(array: np.ndarray) -> np.ndarray:
    """Columns of a GRU's gates, from Keras's order to PyTorch's and back."""
    first, second, new = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, new], axis=-1)
