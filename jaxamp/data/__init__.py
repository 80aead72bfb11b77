"""Captures: files read, checked and aligned, and what is made of them.

What computes with JAX is imported when it is first used: reading and checking files
needs none of it. `virtual_amp` is asked of its own module for the same reason.
"""

import importlib
from typing import TYPE_CHECKING, Any

from jaxamp.data.audio import (
    Audio,
    AudioWriter,
    Header,
    read_audio,
    read_blocks,
    read_header,
)
from jaxamp.data.capture import capture
from jaxamp.data.checks import CHECKS, check_pair
from jaxamp.data.demo import demo
from jaxamp.data.knobs import knobs
from jaxamp.data.virtual_knobs import virtual_knobs

if TYPE_CHECKING:
    from jaxamp.data.resident import Windows as Windows
    from jaxamp.data.resident import windows as windows

HOMES = {"Windows": "jaxamp.data.resident", "windows": "jaxamp.data.resident"}


def __getattr__(name: str) -> Any:
    """Imports a name that needs JAX when it is first used."""
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'jaxamp.data' has no attribute {name!r}")


__all__ = [
    "CHECKS",
    "Audio",
    "AudioWriter",
    "Header",
    "Windows",
    "capture",
    "check_pair",
    "demo",
    "knobs",
    "read_audio",
    "read_blocks",
    "read_header",
    "virtual_knobs",
    "windows",
]
