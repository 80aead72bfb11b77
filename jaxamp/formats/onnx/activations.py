"""Activations in the words of ONNX."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxamp.core import FormatError, check_activation
from jaxamp.formats.onnx.graph import Graph


def activate(graph: Graph, spec: Any, x: str) -> str:
    """The activation that a spec names, applied to x `[b, c, t]`."""
    name, options = check_activation(spec)
    if name not in EMITTERS:
        raise FormatError(
            f"The ONNX export has no words for the activation {name}. Write another "
            f"format, or train with one of: {', '.join(EMITTERS)}."
        )
    return EMITTERS[name](graph, x, **options)


def hard_tanh(graph: Graph, x: str) -> str:
    return graph.node("Clip", x, graph.number(-1), graph.number(1))


def fast_tanh(graph: Graph, x: str) -> str:
    """Players' rational stand-in for tanh, term by term as in `jaxamp.layers`."""
    node, number = graph.node, graph.number

    def line(offset: float, slope: float, of: str) -> str:
        return node("Add", number(offset), node("Mul", number(slope), of))

    size, squared = node("Abs", x), node("Mul", x, x)
    top = node("Mul", x, line(2.45550750702956, 2.45550750702956, size))
    cubic = node("Mul", x, line(0.893229853513558, 0.821226666969744, size))
    top = node("Add", top, node("Mul", cubic, squared))
    inner = node("Mul", node("Mul", number(0.814642734961073), x), size)
    outer = node("Abs", node("Add", x, inner))
    below = node("Mul", node("Add", number(2.44506634652299), squared), outer)
    return node("Div", top, node("Add", number(2.44506634652299), below))


def silu(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def leaky_relu(graph: Graph, x: str, negative_slope: float = 0.01) -> str:
    return graph.node("LeakyRelu", x, alpha=float(negative_slope))


def leaky_hard_tanh(
    graph: Graph,
    x: str,
    min_val: float = -1.0,
    max_val: float = 1.0,
    min_slope: float = 0.01,
    max_slope: float = 0.01,
) -> str:
    def beyond(corner: str, slope: float) -> str:
        over = graph.node("Sub", x, corner)
        return graph.node("Add", graph.node("Mul", over, graph.number(slope)), corner)

    low, high = graph.number(min_val), graph.number(max_val)
    above = graph.node("Greater", x, high)
    upper = graph.node("Where", above, beyond(high, max_slope), x)
    lower = graph.node("Less", x, low)
    return graph.node("Where", lower, beyond(low, min_slope), upper)


def plain(operator: str) -> Callable[..., str]:
    """An activation that ONNX knows by itself."""
    return lambda graph, x: graph.node(operator, x)


EMITTERS: Mapping[str, Callable[..., str]] = {
    "Tanh": plain("Tanh"),
    "Hardtanh": hard_tanh,
    "Fasttanh": fast_tanh,
    "ReLU": plain("Relu"),
    "LeakyReLU": leaky_relu,
    "Sigmoid": plain("Sigmoid"),
    "SiLU": silu,
    "Hardswish": plain("HardSwish"),
    "LeakyHardtanh": leaky_hard_tanh,
    "Softsign": plain("Softsign"),
}
"""name -> (graph, x, options) -> the tensor it gives"""
