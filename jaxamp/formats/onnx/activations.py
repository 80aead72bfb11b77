"""Activations in the words of ONNX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

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


def gate(graph: Graph, mode: str, primary: Any, secondary: Any, x: str) -> str:
    """What one half of the channels of x lets through of the other."""
    first, second = graph.outputs("Split", 2, x, axis=1)
    share = activate(graph, secondary, second)
    shaped = graph.node("Mul", share, activate(graph, primary, first))
    if mode == "gated":
        return shaped
    rest = graph.node("Sub", graph.number(1), share)
    return graph.node("Add", shaped, graph.node("Mul", rest, first))


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


def parametric_relu(
    graph: Graph,
    x: str,
    negative_slope: float = 0.25,
    negative_slopes: Sequence[float] | None = None,
) -> str:
    slopes = [negative_slope] if negative_slopes is None else list(negative_slopes)
    slope = graph.constant(np.asarray(slopes, np.float32)[:, None])
    return graph.node("PRelu", x, slope)


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
    "PReLU": parametric_relu,
    "Sigmoid": plain("Sigmoid"),
    "SiLU": silu,
    "Hardswish": plain("HardSwish"),
    "LeakyHardtanh": leaky_hard_tanh,
    "Softsign": plain("Softsign"),
}
"""name -> (graph, x, options) -> the tensor it gives"""
