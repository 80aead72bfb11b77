"""Builds one ONNX graph, node by node, for a whole signal or for a block of it.

The architectures' emitters do not know which of the two it is: they ask for the past
and say what the next one is. Offline, the past is silence and the next is dropped.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from jaxamp.core import KNOB_MIDDLE

OPSET, IR_VERSION = 17, 8
"""Both of ONNX 1.12, of 2022; runtimes since then read them."""

NEXT = "next."
"""What an output's name has before the name of the state's input."""

ROUNDING = 1e-6
"""Of the largest number, what sums in different orders may differ by."""

END = np.iinfo(np.int64).max


class Graph:
    """A graph that grows; tensors are known by their names."""

    def __init__(self, *, stream: bool):
        self.stream = stream
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._inputs = [described("x", ("batch", 1, "samples"))]
        self._outputs: list[onnx.ValueInfoProto] = []
        self._shapes: dict[tuple[int, ...], str] = {}
        self._place = ""

    @contextlib.contextmanager
    def inside(self, part: str) -> Iterator[None]:
        """Within, named constants and pasts belong to a part of the network."""
        outside = self._place
        self._place = f"{outside}{part}."
        yield
        self._place = outside

    def constant(self, value: Any, name: str | None = None) -> str:
        """A tensor that never changes; unnamed ones that are alike are stored once."""
        value = np.asarray(value)
        if name is None:
            same = "_".join(map(str, (*value.shape, "", *value.ravel().tolist())))
            name = f"{value.dtype}_{same}"
        else:
            name = self._place + name
        self._constants[name] = value
        return name

    def number(self, value: float) -> str:
        """A number that works with a tensor of any shape."""
        return self.constant(np.float32(value))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The one output of a new node."""
        return self.outputs(operator, 1, *inputs, **attributes)[0]

    def outputs(
        self, operator: str, count: int, *inputs: str, **attributes: Any
    ) -> list[str]:
        """The outputs of a new node."""
        index = len(self._nodes)
        names = [f"{operator}_{index}"]
        names += [f"{operator}_{index}.{number}" for number in range(1, count)]
        self._append(operator, inputs, names, attributes)
        return names

    def past(self, name: str, silence: np.ndarray) -> str:
        """A part of the state `[batch, …]`, as silence leaves it unless it is given.

        Args:
            silence: `[1, …]`
        """
        shape = silence.shape[1:]
        if self.stream:
            given = self.constant(silence, name)
            self._inputs.append(described(given, ("batch", *shape)))
            shape = (1,) * len(shape)
        else:
            given = self.constant(brief(silence), name)
        return self.node("Expand", given, self._sizes(shape))

    def with_knobs(self, x: str, names: Sequence[str]) -> str:
        """x `[b, 1, t]` with a channel for each knob, all in the input `controls`.

        A knob that is not given stands in the middle.
        """
        if not names:
            return x
        middle = np.full((1, len(names)), KNOB_MIDDLE, np.float32)
        controls = self.constant(middle, "controls")
        self._inputs.append(described(controls, ("batch", len(names))))
        still = self.node("Unsqueeze", controls, self.constant([2]))
        batch = self.node("Shape", x, start=0, end=1)
        length = self.node("Shape", x, start=2, end=3)
        sizes = self.node("Concat", batch, self.constant([1]), length, axis=0)
        return self.node("Concat", x, self.node("Expand", still, sizes), axis=1)

    def keep(
        self, name: str, silence: np.ndarray, operator: str, *inputs: str, **rest: Any
    ) -> None:
        """Ends the next block's past with a last node."""
        if self.stream:
            following = NEXT + self._place + name
            self._append(operator, inputs, [following], rest)
            shape = ("batch", *silence.shape[1:])
            self._outputs.append(described(following, shape))

    def convolution(
        self,
        x: str,
        layer: Mapping[str, np.ndarray],
        name: str,
        *,
        past: np.ndarray | None = None,
        dilation: int = 1,
        groups: int = 1,
    ) -> str:
        """A causal convolution of a layer's `weight`, and `bias` if it has one.

        Args:
            name: Of the layer, and of its past.
            past: What silence leaves, `[1, i, reach]`; None where nothing is.
        """
        if past is not None and past.shape[2]:
            heard = self.node("Concat", self.past(name, past), x, axis=2)
            newest = [self.constant([n]) for n in (-past.shape[2], END, 2)]
            self.keep(name, past, "Slice", heard, *newest)
            x = heard
        weights = [
            self.constant(layer[key], f"{name}.{key}")
            for key in ("weight", "bias")
            if key in layer
        ]
        return self.node("Conv", x, *weights, dilations=[dilation], group=groups)

    def after_silence(self, x: str, samples: int) -> str:
        """x behind so many samples of silence."""
        quiet = self.past("quiet", np.zeros((1, 1, samples), np.float32))
        return self.node("Concat", quiet, x, axis=2)

    def without_first(self, y: str, samples: int) -> str:
        """y from a sample on."""
        rest = [self.constant([n]) for n in (samples, END, 2)]
        return self.node("Slice", y, *rest)

    def finish(self, y: str, said: Mapping[str, str]) -> bytes:
        """The file, once the library's checker has passed it.

        Args:
            y: The answer to `x`.
            said: What the file says of the model.
        """
        self._append("Identity", [y], ["y"], {})
        outputs = [described("y", ("batch", 1, "samples")), *self._outputs]
        constants = [
            numpy_helper.from_array(value, name)
            for name, value in self._constants.items()
        ]
        graph = helper.make_graph(
            self._nodes, "jaxamp", self._inputs, outputs, constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="jaxamp",
            producer_version=said["jaxamp_version"],
        )
        helper.set_model_props(model, dict(said))
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)

    def _sizes(self, shape: tuple[int, ...]) -> str:
        """The shape `[batch, …]`, whatever the batch of x."""
        if shape not in self._shapes:
            batch = self.node("Shape", "x", start=0, end=1)
            others = self.constant(np.asarray(shape, np.int64))
            self._shapes[shape] = self.node("Concat", batch, others, axis=0)
        return self._shapes[shape]

    def _append(
        self, operator: str, inputs: Any, outputs: list[str], attributes: dict[str, Any]
    ) -> None:
        node = helper.make_node(
            operator, list(inputs), outputs, outputs[0], **attributes
        )
        self._nodes.append(node)


def described(name: str, shape: tuple[Any, ...]) -> onnx.ValueInfoProto:
    """An input or output; texts in the shape are lengths that may vary."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def brief(silence: np.ndarray) -> np.ndarray:
    """One sample of a past that never changes, as a network without loops leaves it."""
    newest = silence[..., -1:]
    spread = np.max(np.abs(silence - newest))
    steady = silence.ndim == 3 and spread <= ROUNDING * np.max(np.abs(silence))
    return newest if steady else silence
