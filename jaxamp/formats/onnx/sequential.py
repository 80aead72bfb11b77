"""Sequential as an ONNX graph: layer by layer."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import FormatError, Params, State
from jaxamp.formats.onnx import recurrent
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown

OPTIONS = ("layers", "controls", "sample_rate")

LAYER_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "dense": ("type", "size", "activation"),
    "conv1d": ("type", "size", "kernel_size", "dilation", "groups", "activation"),
    "lstm": ("type", "size"),
    "gru": ("type", "size"),
    "activation": ("type", "activation"),
}

ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "": ("Identity", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "sigmoid": ("Sigmoid", {}),
    "softmax": ("Softmax", {"axis": 1}),
    "elu": ("Elu", {}),
}
"""Keras's word -> operator and its attributes"""


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the layers, one after the other, make of x."""
    refuse_unknown(options, OPTIONS, "Sequential")
    x = graph.with_knobs(x, options["controls"])
    for index, (given, past) in enumerate(zip(options["layers"], state, strict=True)):
        kind, name = given["type"], f"layer_{index}"
        if kind not in LAYER_OPTIONS:
            raise FormatError(
                f"The ONNX export does not know {kind} layers. It knows: "
                f"{', '.join(LAYER_OPTIONS)}. Write another format."
            )
        refuse_unknown(given, LAYER_OPTIONS[kind], f"Sequential's {kind} layer")
        if kind == "dense":
            x = graph.convolution(x, params[name], name)
        elif kind == "conv1d":
            shape = {"dilation": given["dilation"], "groups": given["groups"]}
            x = graph.convolution(x, params[name], name, past=past, **shape)
        elif kind in ("lstm", "gru"):
            cell, size = kind.upper(), given["size"]
            x = recurrent.layer(graph, cell, size, params[name], past, name, x)
        operator, attributes = ACTIVATIONS[given.get("activation", "")]
        x = graph.node(operator, x, **attributes)
    return x
