"""What the JSON formats say beside the network: rate, names of knobs, the amp.

All of it lies under `metadata`, as AIDA-X has it. Players pass over what they do not
know, so the same notes are written into every JSON format: a file of the CoreAudioML
kind says nothing else about its sample rate.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxamp.core import ConfigError, Model
from jaxamp.formats.fields import Fields
from jaxamp.formats.strict_json import shown

SAMPLE_RATES = (1_000, 1_000_000)
"""Hz, the lowest and the highest that are read."""

MOST_KNOBS = 64

LONGEST_NAME = 40
"""Characters in the name of a knob."""


class Notes(NamedTuple):
    """What was noted."""

    sample_rate: int
    """Hz."""
    controls: list[str]
    metadata: dict[str, Any]
    """The rest, about the amp."""


def read_notes(root: Fields, knobs: int, usual_rate: int) -> Notes:
    """The notes of a file; knobs without names are knob1, knob2, ….

    Args:
        usual_rate: Hz, where the file does not say.
    """
    value = root.take("metadata", {})
    if not isinstance(value, Mapping):
        root.note("metadata", f"must be an object, not {shown(value)}")
        value = {}
    metadata = dict(value)
    rate = metadata.pop("samplerate", None) or root.take("samplerate", usual_rate)
    names = metadata.pop("controls", None)
    return Notes(
        sample_rate=read_rate(root, rate),
        controls=numbered(knobs) if names is None else read_names(root, names, knobs),
        metadata=metadata,
    )


def read_rate(root: Fields, value: Any) -> int:
    """Hz, from a number or, as some trainers write it, a text."""
    low, high = SAMPLE_RATES
    if isinstance(value, str) and re.fullmatch(r"\d{4,7}", value, re.ASCII):
        value = int(value)
    number: float = value if isinstance(value, int | float) else 0
    if number != round(number) or not low <= number <= high:
        root.note(
            "metadata.samplerate",
            f"must be a whole number of Hz from {low} to {high}, not {shown(value)}",
        )
        return low
    return round(number)


def read_names(root: Fields, value: Any, knobs: int) -> list[str]:
    """Short, printable, different names, one for each knob."""
    texts = isinstance(value, list) and all(
        isinstance(name, str) and name.isprintable() and 0 < len(name) <= LONGEST_NAME
        for name in value
    )
    if not texts or len(value) != knobs or len(set(value)) != knobs:
        root.note("metadata.controls", f"must name {knobs} knobs, not {shown(value)}")
        return []
    return value


def numbered(knobs: int) -> list[str]:
    """Names for knobs that have none."""
    return [f"knob{index + 1}" for index in range(knobs)]


def written_notes(
    model: Model, metadata: Mapping[str, Any] | None, usual_rate: int | None
) -> dict[str, Any]:
    """The notes to write, under `metadata`; nothing where nothing is to be said.

    The rate is a number: players of AIDA-X files pass over a text and take 48 kHz.

    Args:
        usual_rate: Hz, what readers assume unless told; None to tell always.

    Raises:
        ConfigError: The metadata cannot be written as JSON.
    """
    notes = dict(metadata or {})
    if model.sample_rate != usual_rate:
        notes["samplerate"] = model.sample_rate
    if list(model.controls) != numbered(len(model.controls)):
        notes["controls"] = list(model.controls)
    try:
        json.dumps(notes, allow_nan=False)
    except (TypeError, ValueError) as problem:
        raise ConfigError(
            f"The metadata cannot be written as JSON: {problem}. Give texts, finite "
            "numbers, lists and mappings."
        ) from None
    return {"metadata": notes} if notes else {}


def refuse_names(controls: Sequence[str]) -> list[str]:
    """Why names of knobs could not be read back."""
    long = [name for name in controls if len(name) > LONGEST_NAME]
    odd = [name for name in controls if not name.isprintable()]
    if not long and not odd:
        return []
    return [f"names of knobs must be printable and at most {LONGEST_NAME} characters"]
