"""SimpleRNN files for each player that plays them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import Model, Params
from jaxamp.formats.files import replace_file
from jaxamp.formats.players import Player, refuse_unplayable
from jaxamp.formats.proteus.simple_rnn import USUAL_RATE, encode

PROTEUS = Player("Proteus", ("LSTM",), (40,), (1.0,), USUAL_RATE)

NEURALPI = Player("NeuralPi", ("LSTM",), (20,), (1.0,), USUAL_RATE)


def write_proteus(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model for Proteus: LSTM 1x40 with skip, up to two knobs, at 44.1 kHz.

    Raises:
        FormatError: Proteus would play something else; says why and what it plays.
        ConfigError: Metadata that is no JSON.
    """
    refuse_unplayable(PROTEUS, model)
    write_coreaudioml(path, model, params, metadata)


def write_neuralpi(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model for NeuralPi: as for Proteus, with LSTM 1x20."""
    refuse_unplayable(NEURALPI, model)
    write_coreaudioml(path, model, params, metadata)


def write_coreaudioml(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes whatever SimpleRNN can hold, for no player in particular.

    Raises:
        FormatError: SimpleRNN has no words for the model; says why.
        ConfigError: Metadata that is no JSON.
    """
    content = encode(model, params, metadata)
    replace_file(Path(path), json.dumps(content, allow_nan=False).encode() + b"\n")
