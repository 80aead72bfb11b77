"""WaveNet as an ONNX graph: the layer arrays of `jaxamp.models`, node for node."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import Params, State
from jaxamp.formats.onnx.activations import activate
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown

OPTIONS = ("arrays", "head_scale", "sample_rate")

ARRAY_OPTIONS = (
    "channels",
    "dilations",
    "kernel_size",
    "activation",
    "head_size",
    "head_kernel_size",
    "head_bias",
)


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the arrays, one after the other, make of x."""
    refuse_unknown(options, OPTIONS, "WaveNet")
    condition, skip = x, None
    for index, (shape, past) in enumerate(zip(options["arrays"], state, strict=True)):
        refuse_unknown(shape, ARRAY_OPTIONS, "WaveNet's layer array")
        name = f"array_{index}"
        array = Array(graph, shape, params[name], past, name, condition)
        x, skip = array.emit(x, skip)
    assert skip is not None
    return graph.node("Mul", skip, graph.number(options["head_scale"]))


class Array:
    """One layer array."""

    def __init__(
        self,
        graph: Graph,
        shape: Mapping[str, Any],
        params: Params,
        state: Mapping[str, Any],
        name: str,
        condition: str,
    ):
        self.graph, self.shape, self.params = graph, shape, params
        self.state, self.name, self.condition = state, name, condition

    def emit(self, x: str, skip: str | None) -> tuple[str, str]:
        """What goes on to the next array: the layers' sum and the head's."""
        x = self.pointwise("rechannel", x)
        for index in range(len(self.shape["dilations"])):
            x, said = self.layer(index, x)
            skip = said if skip is None else self.graph.node("Add", skip, said)
        assert skip is not None
        return x, self.convolution("head", skip, self.state["head"])

    def layer(self, index: int, x: str) -> tuple[str, str]:
        """One layer: what the next one hears, and what the head adds up."""
        past, dilation = self.state["layers"][index], self.shape["dilations"][index]
        z = self.convolution(f"conv_{index}", x, past, dilation)
        mixin = self.pointwise(f"mixin_{index}", self.condition)
        z = self.graph.node("Add", z, mixin)
        z = activate(self.graph, self.shape["activation"][index], z)
        onwards = self.pointwise(f"layer1x1_{index}", z)
        return self.graph.node("Add", x, onwards), z

    def convolution(self, name: str, x: str, past: Any, dilation: int = 1) -> str:
        """A named convolution of the array."""
        return self.graph.convolution(
            x, self.params[name], f"{self.name}.{name}", past=past, dilation=dilation
        )

    def pointwise(self, name: str, x: str) -> str:
        """A named convolution of one sample."""
        return self.graph.convolution(x, self.params[name], f"{self.name}.{name}")
