"""LSTM in .nam files: layers of one width, a linear head, and the state they rest in.

The file's h0 and c0 become the learned initial state. What is written is not the
state training started from but the one that silence leaves, which players expect.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.layout import Slot, pack, unpack
from jaxamp.formats.nam.document import CLASSIC, Document
from jaxamp.models import build

SILENCE_BEFORE_EXPORT = 48_000
"""Samples, whatever the rate; the trainer's own number."""

MOST_LAYERS = 64


def decode(config: Any, weights: np.ndarray, sample_rate: int) -> tuple[Model, Params]:
    """The model that a config and its weights stand for."""
    hidden = read_config(config)
    tree = unpack(list(layout(hidden)), weights.astype(np.float32))
    model = build(
        "LSTM",
        {
            "cell": "LSTM",
            "hidden": hidden,
            "skip": False,
            "head": True,
            "learned_state": True,
            "sample_rate": sample_rate,
        },
    )
    return model, split(tree, hidden)


def encode(model: Model, params: Params, metadata: Mapping[str, Any]) -> Document:
    """The file that plays as the model does once silence has settled it."""
    refuse_unlike(model)
    hidden = model.hyperparameters["hidden"]
    tree = joined(params, settled(model, params), hidden)
    numbers = pack(list(layout(hidden)), tree)
    return Document(
        version=CLASSIC,
        architecture="LSTM",
        config={
            "input_size": 1,
            "hidden_size": hidden[0],
            "num_layers": len(hidden),
        },
        weights=numbers.astype(np.float64),
        sample_rate=model.sample_rate,
        metadata=metadata,
    )


def layout(hidden: list[int]) -> Iterator[Slot]:
    """In file order; columns of the matrices are the layer's input, then its past."""
    inputs = 1
    for index, size in enumerate(hidden):
        root = f"layer_{index}"
        yield Slot((root, "weight"), (4 * size, inputs + size))
        yield Slot((root, "bias"), (4 * size,))
        yield Slot((f"initial_h_{index}",), (size,))
        yield Slot((f"initial_c_{index}",), (size,))
        inputs = size
    yield Slot(("head", "weight"), (1, inputs, 1))
    yield Slot(("head", "bias"), (1,))


def read_config(config: Any) -> list[int]:
    """The width of each layer."""
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    fields.only("input_size", 1, "only mono models are supported")
    fields.only("in_channels", 1, "only mono models are supported")
    fields.only("out_channels", 1, "only mono models are supported")
    size = fields.integer("hidden_size")
    layers = fields.integer("num_layers", 1)
    if layers > MOST_LAYERS:
        fields.note("num_layers", f"is {layers}; {MOST_LAYERS} are supported")
    fields.refuse_unread()
    refuse(problems, "jaxamp plays LSTMs of one input and one output.")
    return [size] * layers


def split(tree: Mapping[str, Any], hidden: list[int]) -> Params:
    """The file's joint matrices as the layers hold them."""
    params = dict(tree)
    for index, size in enumerate(hidden):
        layer = tree[f"layer_{index}"]
        params[f"layer_{index}"] = {
            "input_weight": layer["weight"][:, :-size],
            "recurrent_weight": layer["weight"][:, -size:],
            "bias": layer["bias"],
        }
    return params


def joined(params: Params, state: Any, hidden: list[int]) -> dict[str, Any]:
    """The layers' matrices as the file holds them, with the state beside them."""
    tree: dict[str, Any] = {"head": params["head"]}
    for index, (h, c) in zip(range(len(hidden)), state, strict=True):
        layer = params[f"layer_{index}"]
        both = [layer["input_weight"], layer["recurrent_weight"]]
        weight = np.concatenate([np.asarray(part) for part in both], axis=1)
        tree[f"layer_{index}"] = {"weight": weight, "bias": layer["bias"]}
        tree[f"initial_h_{index}"] = h[0]
        tree[f"initial_c_{index}"] = c[0]
    return tree


def settled(model: Model, params: Params) -> Any:
    """The state that silence leaves, starting from the model's own initial state."""
    import jax  # noqa: PLC0415 (slow to import, and no file needs it to be read)

    quiet = np.zeros((1, 1, SILENCE_BEFORE_EXPORT), np.float32)
    state = model.init_state(params, 1)
    return jax.jit(model.apply)(params, quiet, None, state)[1]


def refuse_unlike(model: Model) -> None:
    """Raises FormatError with every reason why players cannot hold the model."""
    options = model.hyperparameters
    problems = []
    if options["skip"]:
        problems.append(
            "it adds the input to the output (train it with skip=false, or write "
            "a format that has the skip)"
        )
    if model.controls:
        knobs = ", ".join(model.controls)
        problems.append(
            f"it has knobs: {knobs} (export one setting, for example with --knob "
            f"{model.controls[0]}=0.7, or write a format that has knobs)"
        )
    if not options["head"]:
        problems.append(
            "its last layer is the output (train it with head=true and equal widths)"
        )
    if any(a != b for a, b in itertools.pairwise(options["hidden"])):
        widths = ", ".join(map(str, options["hidden"]))
        problems.append(f"its layers differ in width: {widths} (make them equal)")
    if problems:
        raise FormatError(
            f"A .nam file cannot hold this LSTM: {'; '.join(problems)}. Players know "
            "LSTM layers of one width with a linear head and nothing else."
        )
