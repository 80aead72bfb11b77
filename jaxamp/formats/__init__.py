"""Player formats: each a folder that reads and writes, and a row in one table."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats import nam, onnx, proteus, rtneural
from jaxamp.formats.grey_box import refuse_grey_box
from jaxamp.formats.json_files import read_json
from jaxamp.formats.labels import in_words_of_json, in_words_of_nam
from jaxamp.models import unturned


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of model file."""

    suffix: str
    """The end of its files' names, lower case, with the dot."""
    read: Callable[..., tuple[Model, Params, dict[str, Any]]] | None
    """(path, size=None) -> model, parameters, metadata; None if only written"""
    write: Callable[..., None] | None
    """(path, model, parameters, metadata) ; None if only read"""
    words: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    """any format's metadata -> what of it this one can say, in its own words"""
    player: str = ""
    """Who plays its files; empty for none in particular."""
    refuse: Callable[[Model], None] = lambda model: None
    """Raises FormatError where the player does not play such a model."""


FORMATS: Mapping[str, Format] = {
    "nam": Format(
        ".nam",
        nam.read_nam,
        nam.write_nam,
        in_words_of_nam,
        "Neural Amp Modeler",
        nam.refuse_unplayable,
    ),
    "proteus": Format(
        ".json",
        read_json,
        proteus.write_proteus,
        in_words_of_json,
        "Proteus",
        proteus.refuse_for_proteus,
    ),
    "neuralpi": Format(
        ".json",
        read_json,
        proteus.write_neuralpi,
        in_words_of_json,
        "NeuralPi",
        proteus.refuse_for_neuralpi,
    ),
    "coreaudioml": Format(
        ".json", read_json, proteus.write_coreaudioml, in_words_of_json
    ),
    "rtneural": Format(
        ".json",
        read_json,
        rtneural.write_rtneural,
        in_words_of_json,
        "RTNeural",
        rtneural.refuse_unplayable,
    ),
    "aidax": Format(
        ".aidax",
        read_json,
        rtneural.write_aidax,
        in_words_of_json,
        "AIDA-X",
        rtneural.refuse_for_aidax,
    ),
    "onnx": Format(".onnx", None, onnx.write_offline, player="ONNX"),
    "onnx_stream": Format(".onnx", None, onnx.write_stream),
}
"""name -> format; a suffix that several write must be given with a name"""


def read(
    path: str | os.PathLike[str],
    *,
    size: float | None = None,
    format: str | None = None,
) -> tuple[Model, Params, dict[str, Any]]:
    """The model in a player's file, its parameters, and what it says about the amp.

    The parameters are NumPy's, so that a file can be described without JAX.

    Args:
        size: Of a file that holds several sizes, the share of the full size that may
            be spent, 0 to 1; the largest by default.
        format: A name out of `FORMATS`; by default the suffix decides.

    Raises:
        FormatError: The file is damaged, not supported, or of no known format.
    """
    found = find(path, format, "read")
    assert found.read is not None
    return found.read(path, size=size)


def write(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    *,
    metadata: Mapping[str, Any] | None = None,
    format: str | None = None,
) -> None:
    """Writes a model for players; a file of that name is replaced in one stroke.

    Args:
        metadata: What to say about the amp, in the format's own words.
        format: A name out of `FORMATS`; by default the suffix decides.

    Raises:
        FormatError: The format has no words for the model, or is not known.
        ConfigError: Metadata that the format does not know.
    """
    found = find(path, format, "write")
    assert found.write is not None
    refuse_grey_box(model)
    found.write(path, model, params, metadata)


def players(model: Model) -> dict[str, str]:
    """Who plays a model: player -> the format to export, or why it does not."""
    return {row.player: verdict(model, key, row) for key, row in FORMATS.items()
            if row.player}  # fmt: skip


def verdict(model: Model, name: str, row: Format) -> str:
    """`yes` with the format's name, or `no` with the reason.

    Where a player does not know the model's knobs, it may play it with them at rest.
    """
    try:
        refuse_grey_box(model)
        row.refuse(model)
    except FormatError as reason:
        if model.controls and plays_baked(model, row):
            return f"yes, as {name}, with the knobs at one setting (export --knob)"
        return f"no: {reason}"
    return f"yes, as {name}"


def plays_baked(model: Model, row: Format) -> bool:
    """Whether the player plays the model with its knobs baked in."""
    try:
        row.refuse(unturned(model))
    except FormatError:
        return False
    return True


def find(path: str | os.PathLike[str], name: str | None, ability: str) -> Format:
    """The format of a name, or of a path's suffix, that can be read or written."""
    able = {
        key: row for key, row in FORMATS.items() if getattr(row, ability) is not None
    }
    suffix = Path(path).suffix.lower()
    fitting = {
        key: row
        for key, row in able.items()
        if key == name or (name is None and row.suffix == suffix)
    }
    usual = suffix.removeprefix(".")
    if name is None and usual in fitting:  # of several, the one called as they end
        return fitting[usual]
    if len({getattr(row, ability) for row in fitting.values()}) == 1:
        return next(iter(fitting.values()))
    given = f"format {name!r}" if name else f"{Path(path).name}: suffix {suffix!r}"
    verb = "read" if ability == "read" else "written"
    if fitting:
        raise FormatError(
            f"{given} does not say for which player. Choose --format "
            f"{' or '.join(fitting)}."
        )
    known = ", ".join(f"{key} ({row.suffix})" for key, row in able.items())
    raise FormatError(
        f"{given} is not known here. What can be {verb}: {known}. Choose one of these."
    )


__all__ = ["FORMATS", "Format", "find", "players", "read", "write"]
