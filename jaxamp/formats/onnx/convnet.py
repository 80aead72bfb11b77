"""ConvNet as an ONNX graph: convolution and activation, block by block."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import Params, State
from jaxamp.formats.onnx.activations import activate
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown

OPTIONS = ("channels", "dilations", "activation", "sample_rate")


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the blocks and the head make of x."""
    refuse_unknown(options, OPTIONS, "ConvNet")
    for index, dilation in enumerate(options["dilations"]):
        name = f"conv_{index}"
        x = graph.convolution(
            x, params[name], name, past=state[index], dilation=dilation
        )
        x = activate(graph, options["activation"], x)
    return graph.convolution(x, params["head"], "head")
