"""RTNeural files, in and out; AIDA-X files are read here as well.

An AIDA-X file is an RTNeural file with levels around the network and notes beside it,
so one reader reads both.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.arrays import single
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.files import replace_file
from jaxamp.formats.notes import (
    MOST_KNOBS,
    read_notes,
    refuse_names,
    written_notes,
)
from jaxamp.formats.rtneural.layers import read_last, read_layer, written_layer
from jaxamp.formats.rtneural.levels import fold, read_levels
from jaxamp.formats.rtneural.network import layers_of, named
from jaxamp.models import build
from jaxamp.models.sequential import Layer

USUAL_RATE = 48_000
"""Hz, where a file does not say."""

MOST_LAYERS = 256

LONGEST_PAST = 10_000_000
"""Numbers that all convolutions together remember."""


def decode(value: Mapping[str, Any]) -> tuple[Model, Params, dict[str, Any]]:
    """The model in a parsed file, its parameters, and what it says about the amp.

    Raises:
        FormatError: names everything that is damaged or not supported.
    """
    problems: list[str] = []
    root = Fields(value, "", problems)
    inputs = read_last(root, "in_shape")
    if inputs > 1 + MOST_KNOBS:
        root.note("in_shape", f"has {inputs} inputs; {1 + MOST_KNOBS} are supported")
        inputs = 1
    layers, params = read_layers(root, inputs)
    levels, notes = read_levels(root), read_notes(root, inputs - 1, USUAL_RATE)
    refuse(problems, "jaxamp plays stacks of layers from one sound to one.")
    folded = fold(levels, layers, params, root)
    architecture, options, params = named(layers, folded)
    if levels.skips and architecture not in ("LSTM", "GRU"):
        root.note(
            "in_skip", "is 1 around other layers than LSTM or GRU and a dense one"
        )
    refuse(problems, "No player of such files plays it as it is written.")
    if levels.skips:
        options["skip"] = levels.skip
    if notes.controls:
        options["controls"] = notes.controls
    model = build(architecture, options | {"sample_rate": notes.sample_rate})
    return model, single(params), notes.metadata


def read_layers(root: Fields, inputs: int) -> tuple[tuple[Layer, ...], dict[str, Any]]:
    """The layers from the guitar to the output, and their parameters."""
    layers: list[Layer] = []
    params: dict[str, Any] = {}
    for index, fields in enumerate(root.children("layers", MOST_LAYERS)):
        layer, part = read_layer(fields, inputs)
        layers.append(layer)
        params[f"layer_{index}"] = part
        inputs = layer.size
    if layers and inputs != 1:
        root.note("layers", f"end with {inputs} outputs; 1 is supported")
    past = sum(layer.inputs * layer.reach for layer in layers)
    if past > LONGEST_PAST:
        root.note("layers", f"remember {past} numbers; {LONGEST_PAST} are supported")
    return tuple(layers), params


def encode(
    model: Model, params: Params, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The file's content for a model.

    Raises:
        FormatError: RTNeural has no layers for the model; says why.
        ConfigError: Metadata that is no JSON.
    """
    layers, params = layers_of(model, params)
    problems = refuse_names(model.controls)
    if model.hyperparameters.get("skip"):
        problems.append(
            "it adds the guitar to the output, and nothing goes around a layer there "
            "(train it with model.skip=false, or write aidax or proteus)"
        )
    if problems:
        raise FormatError(
            f"An RTNeural file cannot hold this {model.architecture}: "
            f"{'; '.join(problems)}."
        )
    return {
        "in_shape": [None, None, 1 + len(model.controls)],
        "layers": [
            written_layer(layer, params.get(f"layer_{index}", {}))
            for index, layer in enumerate(layers)
        ],
        **written_notes(model, metadata, USUAL_RATE),
    }


def write_rtneural(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model as a stack of Keras-style layers.

    Raises:
        FormatError: RTNeural has no layers for the model; says why.
        ConfigError: Metadata that is no JSON.
    """
    content = encode(model, params, metadata)
    replace_file(Path(path), json.dumps(content, allow_nan=False).encode() + b"\n")
