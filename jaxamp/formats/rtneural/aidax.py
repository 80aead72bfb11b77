"""AIDA-X files: a recurrent layer with levels, and a pair of sounds to check it by."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.arrays import numbers
from jaxamp.formats.fields import Fields
from jaxamp.formats.files import read_bounded, replace_file
from jaxamp.formats.notes import refuse_names, written_notes
from jaxamp.formats.players import Player, refuse_unplayable
from jaxamp.formats.recurrent import checked
from jaxamp.formats.rtneural.layers import written_layer
from jaxamp.formats.rtneural.network import layers_of
from jaxamp.formats.strict_json import parse
from jaxamp.models import build

AIDAX = Player(
    "AIDA-X",
    cells=("LSTM", "GRU"),
    sizes=(8, 12, 16, 20, 24, 32, 40, 64, 80),
    skips=(),
    sample_rate=None,
)

STORED = 2_048
"""Samples of the stored pair."""


def write_aidax(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model for AIDA-X, with a sound and what the model makes of it.

    Raises:
        FormatError: AIDA-X would not play it; says why and what it plays.
        ConfigError: Metadata that is no JSON.
    """
    content = encode(model, params, metadata)
    replace_file(Path(path), json.dumps(content, allow_nan=False).encode() + b"\n")


def encode(
    model: Model, params: Params, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The file's content for a model."""
    refuse_unplayable(AIDAX, model)
    problems = refuse_names(model.controls)
    if problems:
        raise FormatError(f"An AIDA-X file cannot hold this: {'; '.join(problems)}.")
    layers, weights = layers_of(model, params)
    written = [
        written_layer(layer, weights[f"layer_{index}"])
        for index, layer in enumerate(layers)
    ]
    skip = model.hyperparameters["skip"]
    if skip not in (0, 1):  # the player adds the whole guitar, then sets the level
        head = written[-1]["weights"]
        written[-1]["weights"] = [(np.asarray(part) / skip).tolist() for part in head]
    x, y = example(model, params)
    return {
        "in_shape": [None, None, 1 + len(model.controls)],
        "in_skip": int(skip != 0),
        "in_gain": 0.0,
        "out_gain": 20 * math.log10(skip) if skip else 0.0,
        "layers": written,
        "input_batch": numbers(x),
        "output_batch": numbers(y),
        **written_notes(model, metadata, None),
    }


def example(model: Model, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """A sound and what the model makes of it, from zero state and with knobs at zero.

    That is how the player checks itself. Noise that grows, so that both the quiet and
    the loud end of the amp are in it.
    """
    # Imported here, so that files are described without JAX, which is slow to import.
    import jax  # noqa: PLC0415

    options = {**model.hyperparameters, "learned_state": False}
    plain = build(model.architecture, options)
    weights = {**checked(plain, only_layers(params))}
    random = np.random.default_rng(0)
    x = np.linspace(0, 0.5, STORED) * random.uniform(-1, 1, STORED)
    x = x.astype(np.float32)
    controls = (
        np.zeros((1, len(model.controls)), np.float32) if model.controls else None
    )
    state = plain.init_state(weights, 1)
    y, _ = jax.jit(plain.apply)(weights, x[None, None], controls, state)
    return x, np.asarray(y)[0, 0]


def only_layers(params: Params) -> Params:
    """Without a learned beginning."""
    return {name: part for name, part in params.items() if isinstance(part, Mapping)}


def stored_pair(
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, np.ndarray] | None:
    """The sound a file was tried with and what came out, from zero state `[t]`.

    None where there is none.

    Raises:
        FormatError: The file is damaged.
    """
    root = Fields(parse(read_bounded(Path(path))), "", [])
    pair = root.take("input_batch"), root.take("output_batch")
    if not all(isinstance(part, list) and part for part in pair):
        return None
    if not all(type(number) in (int, float) for part in pair for number in part):
        raise FormatError(f"{Path(path).name}: the stored pair is not of numbers.")
    x, y = (np.asarray(part, np.float64) for part in pair)
    return (x, y) if x.size == y.size else None
