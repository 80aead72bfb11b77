"""Activations as .nam files spell them: a name, or an object with options."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import ConfigError, check_activation
from jaxamp.formats.fields import Fields

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
    if not all(type(item) in (int, float) for item in options.values()):
        return None
    return dict(value) if options else value["type"][:100]


def spelled_out(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    """The object that current players read, with the one option A2 spells out."""
    written: dict[str, Any] = {"type": spec} if isinstance(spec, str) else dict(spec)
    if written["type"] == "LeakyReLU":
        written.setdefault("negative_slope", 0.01)
    return written
