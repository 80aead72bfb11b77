"""SimpleRNN: recurrent layers, a linear head and a skip, in PyTorch's own layout.

The players and trainers know no sample rate in the file; all of them run at 44.1 kHz
unless it notes another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.arrays import numbers, read_array, single
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.notes import (
    MOST_KNOBS,
    read_notes,
    refuse_names,
    written_notes,
)
from jaxamp.formats.players import not_inputs
from jaxamp.formats.recurrent import checked
from jaxamp.formats.strict_json import shown
from jaxamp.models import build
from jaxamp.models.recurrent import CELLS

USUAL_RATE = 44_100
"""Hz."""

MOST_LAYERS = 64


def decode(value: Mapping[str, Any]) -> tuple[Model, Params, dict[str, Any]]:
    """The model in a parsed file, its parameters, and what it says about the amp.

    Raises:
        FormatError: names everything that is damaged or not supported.
    """
    problems: list[str] = []
    root = Fields(value, "", problems)
    options, inputs, head_bias = read_shape(root.child("model_data"))
    notes = read_notes(root, inputs - 1, USUAL_RATE)
    refuse(problems, "jaxamp plays SimpleRNN models of one sound in and one out.")
    state = root.child("state_dict")
    params = read_weights(state, options, inputs, head_bias)
    state.refuse_unread()
    refuse(problems, "The file is damaged; fetch or export it again.")
    noted = {"controls": notes.controls, "sample_rate": notes.sample_rate}
    return build(options["cell"], options | noted), single(params), notes.metadata


def read_shape(fields: Fields) -> tuple[dict[str, Any], int, bool]:
    """The options of `jaxamp.models.recurrent`, inputs, whether the head has a bias."""
    fields.only("model", "SimpleRNN", "only SimpleRNN is supported")
    fields.only("output_size", 1, "only one output is supported")
    cell = fields.take("unit_type")
    if cell not in ("LSTM", "GRU"):
        fields.note("unit_type", f"is {shown(cell)}; LSTM and GRU are supported")
    skip = fields.take("skip", 1)
    if type(skip) is not int or skip not in (0, 1):
        fields.note("skip", f"is {shown(skip)}; 0 and 1 are supported")
    inputs, hidden = fields.integer("input_size", 1), fields.integer("hidden_size")
    layers = fields.integer("num_layers", 1)
    for key, size, most in (
        ("input_size", inputs, 1 + MOST_KNOBS),
        ("num_layers", layers, MOST_LAYERS),
    ):
        if size > most:
            fields.note(key, f"is {size}; up to {most} are supported")
    bias = fields.boolean("bias_fl", True)
    fields.refuse_unread()
    hidden = [hidden] * min(layers, MOST_LAYERS)
    inputs = min(inputs, 1 + MOST_KNOBS)  # millions of knobs are not even named
    return {"cell": cell, "hidden": hidden, "skip": skip}, inputs, bias


def read_weights(
    state: Fields, options: Mapping[str, Any], inputs: int, head_bias: bool
) -> Params:
    """The parameters, in double precision."""
    cell, hidden = options["cell"], options["hidden"]
    found = {
        key: read_array(state, key, state.take(key), shape)
        for key, shape in shapes(CELLS[cell].gates, hidden, inputs, head_bias)
    }
    params: dict[str, Any] = {
        "head": {
            "weight": found["lin.weight"][..., None],
            "bias": found.get("lin.bias", np.zeros(1)),
        }
    }
    for index in range(len(hidden)):
        of_input, of_past = (
            found[f"rec.bias_ih_l{index}"],
            found[f"rec.bias_hh_l{index}"],
        )
        layer = {
            "input_weight": found[f"rec.weight_ih_l{index}"],
            "recurrent_weight": found[f"rec.weight_hh_l{index}"],
        }
        if cell == "LSTM":
            fits = of_input.shape == of_past.shape  # else a problem has been noted
            layer["bias"] = of_input + of_past if fits else of_input
        else:
            layer |= {"input_bias": of_input, "recurrent_bias": of_past}
        params[f"layer_{index}"] = layer
    return params


def shapes(
    gates: int, hidden: list[int], inputs: int, head_bias: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor's name and shape."""
    for index, size in enumerate(hidden):
        yield f"rec.weight_ih_l{index}", (gates * size, inputs)
        yield f"rec.weight_hh_l{index}", (gates * size, size)
        yield f"rec.bias_ih_l{index}", (gates * size,)
        yield f"rec.bias_hh_l{index}", (gates * size,)
        inputs = size
    yield "lin.weight", (1, inputs)
    if head_bias:
        yield "lin.bias", (1,)


def encode(
    model: Model, params: Params, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The file's content for a model.

    Raises:
        FormatError: SimpleRNN has no words for the model; says why.
        ConfigError: Metadata that is no JSON.
    """
    refuse_unlike(model)
    options, params = model.hyperparameters, checked(model, params)
    state = {}
    for index in range(len(options["hidden"])):
        layer = params[f"layer_{index}"]
        if "bias" in layer:
            biases = layer["bias"], np.zeros_like(layer["bias"])
        else:
            biases = layer["input_bias"], layer["recurrent_bias"]
        state[f"rec.weight_ih_l{index}"] = numbers(layer["input_weight"])
        state[f"rec.weight_hh_l{index}"] = numbers(layer["recurrent_weight"])
        state[f"rec.bias_ih_l{index}"] = numbers(biases[0])
        state[f"rec.bias_hh_l{index}"] = numbers(biases[1])
    state["lin.weight"] = numbers(params["head"]["weight"][..., 0])
    state["lin.bias"] = numbers(params["head"]["bias"])
    shape = {
        "model": "SimpleRNN",
        "input_size": 1 + len(model.controls),
        "skip": int(options["skip"]),
        "output_size": 1,
        "unit_type": options["cell"],
        "num_layers": len(options["hidden"]),
        "hidden_size": options["hidden"][0],
        "bias_fl": True,
    }
    notes = written_notes(model, metadata, USUAL_RATE)
    return {"model_data": shape, "state_dict": state, **notes}


def refuse_unlike(model: Model) -> None:
    """Raises FormatError with every reason why SimpleRNN cannot hold the model."""
    if model.architecture not in ("LSTM", "GRU"):
        raise FormatError(
            f"A SimpleRNN file cannot hold a {model.architecture}: it holds LSTM and "
            "GRU layers of one width with a linear head. Train one, for example "
            "model=lstm/1x40 model.skip=true, or write another format."
        )
    problems, options = refuse_names(model.controls), model.hyperparameters
    if len(set(options["hidden"])) > 1:
        widths = ", ".join(map(str, options["hidden"]))
        problems.append(f"its layers differ in width: {widths} (make them equal)")
    if not options["head"]:
        problems.append("its last layer is the output (train it with model.head=true)")
    if options["skip"] not in (0, 1):
        problems.append(
            f"it adds {options['skip']:g} times the guitar to the output, and only 0 "
            "and 1 have a word (train without data.normalize_dbfs)"
        )
    if "conditioning" in options:
        problems.append(not_inputs(model))
    if len(model.controls) > MOST_KNOBS:
        problems.append(f"it has more than {MOST_KNOBS} knobs")
    if problems:
        raise FormatError(
            f"A SimpleRNN file cannot hold this {model.architecture}: "
            f"{'; '.join(problems)}."
        )
