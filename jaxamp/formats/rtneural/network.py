"""Which of the project's models a stack of layers is, and which layers a model is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params, check_activation
from jaxamp.formats.layout import pack, unpack
from jaxamp.formats.players import not_inputs
from jaxamp.formats.recurrent import checked
from jaxamp.formats.rtneural.layers import slots
from jaxamp.models.convnet import KERNEL_SIZE
from jaxamp.models.sequential import Layer, shaped

ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "Sigmoid": "sigmoid"}
"""What ConvNets call it -> what Keras calls it"""


def named(
    layers: tuple[Layer, ...], params: Params
) -> tuple[str, dict[str, Any], Params]:
    """Architecture, options and parameters of the most particular model there is."""
    if is_stack(layers):
        return as_recurrent(layers, params)
    if is_convnet(layers):
        return as_convnet(layers, params)
    if is_filter(layers):
        return as_linear(layers, params)
    described = [layer.described for layer in layers]
    filled = {name: part for name, part in params.items() if part}
    return "Sequential", {"layers": described}, filled


def is_stack(layers: tuple[Layer, ...]) -> bool:
    """Recurrent layers of one kind, then a dense one, or the last of one cell."""
    *below, top = layers
    head = top.type == "dense" and not top.activation
    cells = {layer.type for layer in (below if head else layers)}
    return cells in ({"lstm"}, {"gru"})


def as_recurrent(
    layers: tuple[Layer, ...], params: Params
) -> tuple[str, dict[str, Any], Params]:
    cell, head = layers[0].type.upper(), layers[-1].type == "dense"
    cells = layers[:-1] if head else layers
    named_params = dict(params)
    if head:
        named_params["head"] = named_params.pop(f"layer_{len(cells)}")
    hidden = [layer.size for layer in cells]
    return cell, {"cell": cell, "hidden": hidden, "head": head}, named_params


def is_convnet(layers: tuple[Layer, ...]) -> bool:
    """Convolutions of two taps, one width and one activation, then a dense layer."""
    *blocks, head = layers
    kinds = {
        (one.type, one.size, one.kernel_size, one.groups, one.activation)
        for one in blocks
    }
    if len(kinds) != 1 or head.type != "dense" or head.activation:
        return False
    [(kind, _, kernel_size, groups, activation)] = kinds
    known = kind == "conv1d" and activation in ACTIVATIONS.values()
    return known and (kernel_size, groups, layers[0].inputs) == (KERNEL_SIZE, 1, 1)


def as_convnet(
    layers: tuple[Layer, ...], params: Params
) -> tuple[str, dict[str, Any], Params]:
    *blocks, _ = layers
    words = {word: name for name, word in ACTIVATIONS.items()}
    options = {
        "channels": blocks[0].size,
        "dilations": [block.dilation for block in blocks],
        "activation": words[blocks[0].activation],
    }
    convs = {f"conv_{i}": params[f"layer_{i}"] for i in range(len(blocks))}
    return "ConvNet", options, {**convs, "head": params[f"layer_{len(blocks)}"]}


def is_filter(layers: tuple[Layer, ...]) -> bool:
    """One convolution from the guitar to the output."""
    only = layers[0]
    shape = (only.type, only.inputs, only.dilation, only.activation)
    return len(layers) == 1 and shape == ("conv1d", 1, 1, "")


def as_linear(
    layers: tuple[Layer, ...], params: Params
) -> tuple[str, dict[str, Any], Params]:
    """Files always have an offset; one of zero is none."""
    fir = dict(params["layer_0"])
    bias = bool(np.any(fir["bias"]))
    if not bias:
        del fir["bias"]
    options = {"receptive_field": layers[0].kernel_size, "bias": bias}
    return "Linear", options, {"fir": fir}


def layers_of(model: Model, params: Params) -> tuple[tuple[Layer, ...], Params]:
    """The layers that play as the model does, skip aside, and their parameters.

    Raises:
        FormatError: No stack of layers does, or the parameters are not the model's.
    """
    refuse_unlike(model)
    described, renamed = SPREAD[model.architecture](model, params)
    layers = shaped(described, 1 + len(model.controls))
    wanted = [s for i, layer in enumerate(layers) for s in slots(layer, f"layer_{i}")]
    return layers, unpack(wanted, pack(wanted, renamed))


def refuse_unlike(model: Model) -> None:
    """Raises FormatError where no stack of layers is the model."""
    if model.architecture not in SPREAD:
        raise FormatError(
            f"An RTNeural file cannot hold a {model.architecture}: it holds layers one "
            "after the other, without skips or gates around them. It can hold: "
            f"{', '.join(SPREAD)}. Train one of these, for example model=lstm/1x16, or "
            "write another format."
        )
    if "conditioning" in model.hyperparameters:
        raise FormatError(
            f"An RTNeural file cannot hold this {model.architecture}: "
            f"{not_inputs(model)}."
        )
    if model.architecture == "ConvNet":
        name, _ = check_activation(model.hyperparameters["activation"])
        if name not in ACTIVATIONS:
            raise FormatError(
                f"An RTNeural file cannot hold this ConvNet: its activation is {name}, "
                f"and players know {', '.join(ACTIVATIONS)}. Train it with one of "
                "these, for example model.activation=Tanh."
            )


Spread = tuple[list[dict[str, Any]], Params]


def recurrent_spread(model: Model, params: Params) -> Spread:
    options, params = model.hyperparameters, dict(checked(model, params))
    kind = options["cell"].lower()
    described = [{"type": kind, "size": size} for size in options["hidden"]]
    if options["head"]:
        params[f"layer_{len(described)}"] = params.pop("head")
        described.append({"type": "dense", "size": 1})
    return described, params


def convnet_spread(model: Model, params: Params) -> Spread:
    options = model.hyperparameters
    name, _ = check_activation(options["activation"])
    described: list[dict[str, Any]] = [
        {
            "type": "conv1d",
            "size": options["channels"],
            "kernel_size": KERNEL_SIZE,
            "dilation": dilation,
            "activation": ACTIVATIONS[name],
        }
        for dilation in options["dilations"]
    ]
    renamed = {f"layer_{i}": params[f"conv_{i}"] for i in range(len(described))}
    renamed[f"layer_{len(described)}"] = params["head"]
    return [*described, {"type": "dense", "size": 1}], renamed


def linear_spread(model: Model, params: Params) -> Spread:
    taps = model.hyperparameters["receptive_field"]
    fir: Mapping[str, Any] = {"bias": np.zeros(1, np.float32), **params["fir"]}
    return [{"type": "conv1d", "size": 1, "kernel_size": taps}], {"layer_0": fir}


def sequential_spread(model: Model, params: Params) -> Spread:
    return model.hyperparameters["layers"], params


SPREAD = {
    "LSTM": recurrent_spread,
    "GRU": recurrent_spread,
    "ConvNet": convnet_spread,
    "Linear": linear_spread,
    "Sequential": sequential_spread,
}
"""architecture -> (model, parameters) -> layers as `Sequential` describes them"""
