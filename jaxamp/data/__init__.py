"""Captures: files read, checked and aligned, and what is made of them."""

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
from jaxamp.data.virtual_amp import virtual_amp
from jaxamp.data.windows import Windows, windows

__all__ = [
    "CHECKS",
    "Audio",
    "AudioWriter",
    "Header",
    "Windows",
    "capture",
    "check_pair",
    "demo",
    "read_audio",
    "read_blocks",
    "read_header",
    "virtual_amp",
    "windows",
]
