"""Linear as an ONNX graph: one convolution."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import Params, State
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown

OPTIONS = ("receptive_field", "bias", "sample_rate")


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """The filtered x."""
    refuse_unknown(options, OPTIONS, "Linear")
    return graph.convolution(x, params["fir"], "fir", past=state)
