"""Activations as .nam files spell them: a name, or an object with options."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import ConfigError, check_activation
from jaxamp.formats.fields import LONGEST_LIST, Fields

HARDTANH = {"type": "Hardtanh", "min_val": -1.0, "max_val": 1.0}
"""Spelled out by some trainers; players know no other corners."""


def read_activation(fields: Fields, key: str, value: Any) -> Any:
    """The spec that models understand; a name wherever there are no options."""
    spec = plain(value)
    if spec is None:
        fields.note(key, "must be the name of an activation, or an object with `type`")
        return "Tanh"
    try:
        check_activation(spec)
    except ConfigError as problem:
        fields.note(key, f"is not supported: {problem}".rstrip("."))
        return "Tanh"
    return spec


def plain(value: Any) -> Any:
    """A name, or an object whose options are numbers; None for anything else."""
    if isinstance(value, str):
        return value[:100]
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        return None
    if dict(value) == HARDTANH:
        return "Hardtanh"
    options = {key: item for key, item in value.items() if key != "type"}
    for key, item in options.items():
        if not (is_numbers(item) if key == "negative_slopes" else is_number(item)):
            return None
    return dict(value) if options else value["type"][:100]


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def is_numbers(value: Any) -> bool:
    """The slopes of a PReLU, one for each channel."""
    return (
        isinstance(value, list)
        and 0 < len(value) <= LONGEST_LIST
        and all(map(is_number, value))
    )


def spelled_out(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    """The object that current players read, with the one option A2 spells out."""
    written: dict[str, Any] = {"type": spec} if isinstance(spec, str) else dict(spec)
    slope = {"LeakyReLU": 0.01, "PReLU": 0.25}.get(written["type"])
    if slope is not None and "negative_slopes" not in written:
        written.setdefault("negative_slope", slope)
    return written
