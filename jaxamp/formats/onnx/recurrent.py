"""Stacks of LSTM or GRU layers as an ONNX graph.

ONNX's layers play time first and order their gates in their own way; the rows of the
weights are moved to where it wants them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxamp.core import Params, State
from jaxamp.formats.onnx.graph import Graph
from jaxamp.formats.onnx.options import refuse_unknown

OPTIONS = (
    "cell",
    "hidden",
    "skip",
    "head",
    "controls",
    "sample_rate",
    # How a training begins; what was learned has taken its place.
    "learned_state",
    "longest_memory",
    "initial_weights",
)


class Kind(NamedTuple):
    """What a kind of layer is to ONNX."""

    state: tuple[str, ...]
    gates: tuple[int, ...]
    """Where ONNX's gates are found in ours: i, o, f, c of i, f, c, o; z, r, n of r,
    z, n."""
    attributes: Mapping[str, Any]


KINDS = {
    "LSTM": Kind(("h", "c"), (0, 3, 1, 2), {}),
    # The reset gate acts on the product with the state, as in PyTorch.
    "GRU": Kind(("h",), (1, 0, 2), {"linear_before_reset": 1}),
}


def emit(
    graph: Graph, options: Mapping[str, Any], params: Params, state: State, x: str
) -> str:
    """What the layers and the head make of x `[b, 1, t]`."""
    cell = options["cell"]
    refuse_unknown(options, OPTIONS, cell)
    y = graph.with_knobs(x, options["controls"])
    for index, hidden in enumerate(options["hidden"]):
        name = f"layer_{index}"
        y = layer(graph, cell, hidden, params[name], state[index], name, y)
    if options["head"]:
        y = graph.convolution(y, params["head"], "head")
    if not options["skip"]:
        return y
    return graph.node("Add", y, graph.node("Mul", x, graph.number(options["skip"])))


def layer(
    graph: Graph,
    cell: str,
    hidden: int,
    weights: Mapping[str, np.ndarray],
    state: Sequence[np.ndarray],
    name: str,
    x: str,
) -> str:
    """One layer: x `[b, i, t]` -> `[b, hidden, t]`."""
    kind, axes = KINDS[cell], {n: graph.constant([n]) for n in (0, 1)}
    constants = [
        graph.constant(value[None], f"{name}.{key}")
        for key, value in matrices(weights, kind.gates).items()
    ]
    parts = dict(zip(kind.state, state, strict=True))
    pasts = [
        graph.node("Unsqueeze", graph.past(f"{name}.{part}", value), axes[0])
        for part, value in parts.items()
    ]
    x = graph.node("Transpose", x, perm=[2, 0, 1])
    inputs = (x, *constants, "", *pasts)  # "" is the lengths of sequences: all alike
    given = {"hidden_size": hidden, **kind.attributes}
    y, *ends = graph.outputs(cell, 1 + len(parts), *inputs, **given)
    for (part, value), end in zip(parts.items(), ends, strict=True):
        graph.keep(f"{name}.{part}", value, "Squeeze", end, axes[0])
    return graph.node("Transpose", graph.node("Squeeze", y, axes[1]), perm=[1, 2, 0])


def matrices(
    weights: Mapping[str, np.ndarray], gates: Sequence[int]
) -> dict[str, np.ndarray]:
    """Of the input, of the state, and two biases in a row; an LSTM here has but one."""
    one = weights["bias"] if "bias" in weights else weights["input_bias"]
    other = weights.get("recurrent_bias", np.zeros_like(one))
    return {
        "input_weight": reordered(weights["input_weight"], gates),
        "recurrent_weight": reordered(weights["recurrent_weight"], gates),
        "biases": np.concatenate([reordered(one, gates), reordered(other, gates)]),
    }


def reordered(rows: np.ndarray, gates: Sequence[int]) -> np.ndarray:
    """The rows of each gate, in another order of the gates."""
    parts = np.split(rows, len(gates))
    return np.concatenate([parts[gate] for gate in gates])
