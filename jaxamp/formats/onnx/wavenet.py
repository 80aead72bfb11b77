"""WaveNet as an ONNX graph: the layers of `jaxamp.models`, node for node.

Every past is full here, so that all tensors of a block have the same length.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Params, State
from jaxamp.formats.onnx import convnet, linear, recurrent
from jaxamp.formats.onnx.activations import activate, gate
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown
from jaxamp.models.layer_array import LayerArray
from jaxamp.models.wavenet import Shape, checked_shape

OPTIONS = ("arrays", "head_scale", "head", "condition", "sample_rate")

ARRAY_OPTIONS = (
    "channels",
    "dilations",
    "kernel_size",
    "activation",
    "head_size",
    "head_kernel_size",
    "head_bias",
    "bottleneck",
    "gating",
    "secondary_activation",
    "groups",
    "mixin_groups",
    "layer1x1",
    "head1x1",
    "film",
    "allowed_channels",  # where players may cut the model; a graph has its full width
)

OTHERS: Mapping[str, Callable[..., str]] = {
    "LSTM": recurrent.emit,
    "GRU": recurrent.emit,
    "ConvNet": convnet.emit,
    "Linear": linear.emit,
}
"""What may condition a WaveNet beside another one."""


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the arrays, one after the other, and the head after them make of x."""
    refuse_unknown(options, OPTIONS, "WaveNet")
    for array in options["arrays"]:
        refuse_unknown(array, ARRAY_OPTIONS, "WaveNet's layer array")
    shape, condition, skip, signal = checked_shape(**options), x, None, x
    if shape.condition:
        condition = conditioned(graph, options["condition"], params, state, x)
        state = state["network"]
    for index, array in enumerate(shape.arrays):
        with graph.inside(f"array_{index}"):
            layers = Layers(graph, array, params[f"array_{index}"], condition)
            signal, skip = layers.emit(signal, skip, state[index])
    assert skip is not None
    y = graph.node("Mul", skip, graph.number(shape.head_scale))
    return after_all(graph, shape, params, state[-1], y) if shape.head else y


def conditioned(
    graph: Graph, words: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the network that conditions makes of x."""
    architecture, options = words["architecture"], words["hyperparameters"]
    others = {"WaveNet": emit, **OTHERS}
    if architecture not in others:
        raise FormatError(
            f"The ONNX export does not know {architecture}, which conditions this "
            f"WaveNet. It knows: {', '.join(others)}. Write another format."
        )
    with graph.inside("condition"):
        inner = params["condition"], state["condition"]
        return others[architecture](graph, options, *inner, x)


def after_all(graph: Graph, shape: Shape, params: Params, pasts: State, y: str) -> str:
    """Activations and convolutions in turn."""
    assert shape.head is not None
    for index, past in enumerate(pasts):
        name = f"head_{index}"
        y = activate(graph, shape.head.activation, y)
        y = graph.convolution(y, params[name], name, past=past)
    return y


class Layers:
    """One layer array."""

    def __init__(self, graph: Graph, shape: LayerArray, params: Params, condition: str):
        self.graph, self.shape = graph, shape
        self.params, self.condition = params, condition

    def emit(
        self, x: str, skip: str | None, state: Mapping[str, Any]
    ) -> tuple[str, str]:
        """What goes on to the next array: the layers' sum and the head's."""
        x = self.convolution("rechannel", x)
        for layer, past in enumerate(state["layers"]):
            z = self.answered(layer, self.heard(layer, x, past))
            z = self.modulated("activation_post_film", layer, z)
            said = self.for_the_head(layer, z)
            skip = said if skip is None else self.graph.node("Add", skip, said)
            x = self.for_the_next(layer, x, z)
        assert skip is not None
        return x, self.convolution("head", skip, past=state["head"])

    def heard(self, layer: int, x: str, past: np.ndarray) -> str:
        """What a layer makes of the layer below and of the condition."""
        shape = self.shape
        x = self.modulated("conv_pre_film", layer, x)
        z = self.convolution(
            f"conv_{layer}",
            x,
            past=past,
            dilation=shape.dilations[layer],
            groups=shape.groups,
        )
        z = self.modulated("conv_post_film", layer, z)
        m = self.modulated("input_mixin_pre_film", layer, self.condition)
        m = self.convolution(f"mixin_{layer}", m, groups=shape.mixin_groups)
        m = self.modulated("input_mixin_post_film", layer, m)
        both = self.graph.node("Add", z, m)
        return self.modulated("activation_pre_film", layer, both)

    def answered(self, layer: int, z: str) -> str:
        """The activation, through a gate where the layer has one."""
        shape = self.shape
        primary = shape.activations[layer]
        if shape.gating[layer] == "none":
            return activate(self.graph, primary, z)
        secondary = shape.secondary_activations[layer]
        return gate(self.graph, shape.gating[layer], primary, secondary, z)

    def for_the_head(self, layer: int, z: str) -> str:
        """What a layer adds to the sum of all layers."""
        head1x1 = self.shape.head1x1
        if head1x1 is None:
            return z
        z = self.convolution(f"head1x1_{layer}", z, groups=head1x1.groups)
        return self.modulated("head1x1_post_film", layer, z)

    def for_the_next(self, layer: int, x: str, z: str) -> str:
        """What the layer above hears."""
        layer1x1 = self.shape.layer1x1
        if layer1x1 is None:
            return x
        z = self.convolution(f"layer1x1_{layer}", z, groups=layer1x1.groups)
        z = self.modulated("layer1x1_post_film", layer, z)
        return self.graph.node("Add", x, z)

    def modulated(self, slot: str, layer: int, x: str) -> str:
        """x as the condition modulates it, where the slot is in use."""
        film = dict(self.shape.film).get(slot)
        if film is None:
            return x
        name = f"{slot}_{layer}"
        scale = self.convolution(name, self.condition, groups=film.groups)
        if not film.shift:
            return self.graph.node("Mul", x, scale)
        scale, shift = self.graph.outputs("Split", 2, scale, axis=1)
        return self.graph.node("Add", self.graph.node("Mul", x, scale), shift)

    def convolution(self, name: str, x: str, **options: Any) -> str:
        """A convolution by its name in the array."""
        return self.graph.convolution(x, self.params[name], name, **options)
