"""Small files of a run, which may be a stranger's: bounded before memory is taken.

What a run writes down about itself has a few thousand bytes. A file that is larger,
deeper, or no file at all is no such one, and is not read.
"""

import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jaxamp.core.errors import RunError
from jaxamp.core.shown import shown

LARGEST_FILE = 4 << 20
"""Bytes of a text; real ones have a few thousand."""

MOST_OBJECTS = 50_000
"""Objects and lists in a JSON text, each of which takes fifty times its size."""

DEEPEST = 32
"""Objects and lists inside one another; containers of A2 models reach 8."""

LONGEST_LINE = 1 << 16
"""Bytes of one line of a log."""

NOT_OURS = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError,
    ArithmeticError, RecursionError,
)  # fmt: skip
"""What reading a run's file raises where it is not what a run writes."""


def small_text(file: Path, largest: int = LARGEST_FILE) -> str:
    """The text of a small file.

    Raises:
        OSError: It cannot be opened.
        ValueError: No ordinary file, too large, or no text.
    """
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe would keep us waiting
        raise ValueError("it is no ordinary file")
    with file.open("rb") as opened:
        data = opened.read(largest + 1)
    if len(data) > largest:
        raise ValueError(f"it is larger than {largest} bytes")
    return data.decode("utf-8")


def small_json(file: Path) -> Any:
    """The value in a small file of JSON.

    Raises:
        OSError, ValueError: As `small_text`; or no JSON, or deeper or fuller than any.
    """
    text = small_text(file)
    if text.count("[") + text.count("{") > MOST_OBJECTS:
        raise ValueError(f"it holds more than {MOST_OBJECTS} objects and lists")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if deeper_than(DEEPEST, value):
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return value


def kept_json(file: Path, kind: type = dict) -> Any:
    """What a run wrote down.

    Raises:
        RunError: It is not what a run writes.
    """
    try:
        value = small_json(file)
        if not isinstance(value, kind):
            raise ValueError(f"it holds no {kind.__name__}")
    except (OSError, ValueError) as error:
        raise RunError(
            f"{shown(file)} is not what a run writes: {error}. The file is damaged or "
            "was made by something else; take another folder, or train again."
        ) from error
    return value


def deeper_than(levels: int, value: Any) -> bool:
    """Whether lists and objects lie deeper inside one another; costs no stack."""
    level = [value]
    for _ in range(levels + 1):
        nested = [part for part in level if isinstance(part, dict | list)]
        if not nested:
            return False
        level = [item for part in nested for item in values_of(part)]
    return True


def values_of(part: dict[str, Any] | list[Any]) -> Iterable[Any]:
    """What lies directly in an object or a list."""
    return part.values() if isinstance(part, dict) else part


def json_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects in a log, one a line; what is torn, long or no object is left out.

    The log may be long: one line of it is in memory at a time.
    """
    with file.open("rb") as lines:
        while line := lines.readline(LONGEST_LINE):
            if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value
