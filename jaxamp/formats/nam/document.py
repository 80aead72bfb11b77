"""The envelope of a .nam file: version, architecture, config, weights, metadata."""

import dataclasses
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.strict_json import parse, shown

OLDEST, NEWEST = (0, 5, 0), (0, 7, 0)
"""Versions that are read; a higher patch of the newest with a warning."""

CLASSIC = "0.5.4"
"""What the most players read."""

PARTS = "0.6.0"
"""Bottlenecks, gates, groups, FiLM, 1x1 mixes, conditions, options of activations."""

MODERN = "0.7.0"
"""Kernel sizes for each layer, heads with a memory, narrower models, containers."""

USUAL_RATE = 48_000
"""Hz, where a file does not say."""

SAMPLE_RATES = (1_000, 1_000_000)
"""Hz, the lowest and the highest that are read."""

REQUIRED = ("version", "architecture", "config", "weights")


@dataclasses.dataclass(frozen=True)
class Document:
    """A model as a .nam file holds it; the config is not looked into."""

    version: str
    architecture: str
    config: Any
    weights: np.ndarray
    """Double precision, as in the file."""
    sample_rate: int | None
    """Hz; None where the file does not say."""
    metadata: Mapping[str, Any]


def from_bytes(data: bytes) -> Document:
    """The document in a file.

    Raises:
        FormatError: The file is damaged, hostile, or of an unknown version.
    """
    return from_object(parse(data), "")


def from_object(value: Any, where: str) -> Document:
    """The document in a JSON value, which may itself lie in a container.

    Keys beside those of the format are notes of other programs and are let pass.
    """
    refuse_stranger(value, where)
    problems: list[str] = []
    fields = Fields(value, where, problems)
    document = Document(
        version=supported_version(fields),
        architecture=text(fields, "architecture"),
        config=fields.take("config"),
        weights=numbers(fields),
        sample_rate=sample_rate(fields),
        metadata=fields.take("metadata", {}),
    )
    if not isinstance(document.metadata, Mapping):
        fields.note("metadata", "must be an object")
    refuse(problems, "The file is damaged; fetch or export it again.")
    return document


def to_object(document: Document) -> dict[str, Any]:
    """The JSON value of a document, keys in the order that the trainer writes."""
    value: dict[str, Any] = {"version": document.version}
    if document.metadata:
        value["metadata"] = dict(document.metadata)
    value["architecture"] = document.architecture
    value["config"] = document.config
    value["weights"] = document.weights.tolist()
    if document.sample_rate is not None:
        value["sample_rate"] = document.sample_rate
    return value


def to_bytes(document: Document) -> bytes:
    """The file that holds a document."""
    return json.dumps(to_object(document), allow_nan=False).encode() + b"\n"


def refuse_stranger(value: Any, where: str) -> None:
    """Says plainly that a JSON file is no .nam file, before naming its faults."""
    keys = set(value) if isinstance(value, Mapping) else set()
    missing = [key for key in REQUIRED if key not in keys]
    if missing:
        what = f"{where} is" if where else "it is"
        raise FormatError(
            f"{what} no .nam model: {', '.join(missing)} missing. "
            "Check that it was made by a trainer or a player of .nam files."
        )


def supported_version(fields: Fields) -> str:
    version = text(fields, "version")
    match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", version, re.ASCII)
    if not match:
        if version:
            fields.note(
                "version", f"must be three numbers like 0.7.0, not {shown(version)}"
            )
        return version
    number = tuple(int(part) for part in match.groups())
    if number < OLDEST or number[:2] > NEWEST[:2]:
        fields.note(
            "version",
            f"is {version}; 0.5.0 to {MODERN} are read. Export the model again "
            "with a trainer that writes one of these",
        )
    elif number > NEWEST:
        warnings.warn(
            f"Version {version} of the .nam format is newer than {MODERN}, the newest "
            "known here. The model is read as if it were that one; listen to it.",
            stacklevel=2,
        )
    return version


def text(fields: Fields, key: str) -> str:
    value = fields.take(key)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        fields.note(key, f"must be a short text, not {shown(value)}")
        return ""
    return value


def numbers(fields: Fields) -> np.ndarray:
    value = fields.take("weights")
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        fields.note("weights", "must be a flat list of numbers")
        return np.zeros(0)
    weights = np.asarray(value, np.float64)
    if np.any(np.abs(weights) > np.finfo(np.float32).max):
        fields.note("weights", "holds numbers beyond single precision")
    return weights


def sample_rate(fields: Fields) -> int | None:
    value = fields.take("sample_rate")
    if value is None:
        return None
    low, high = SAMPLE_RATES
    known = type(value) in (int, float) and value == round(value)
    if not known or not low <= value <= high:
        fields.note(
            "sample_rate",
            f"must be a whole number of Hz from {low} to {high}, not {shown(value)}",
        )
        return None
    return round(value)
