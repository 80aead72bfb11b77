"""JSON from strangers: bounded in size, count and depth, and every number finite."""

import json
import math
from typing import Any, NoReturn

from jaxamp.core import FormatError
from jaxamp.core.small_files import deeper_than

MOST_OBJECTS = 100_000
"""Objects and lists in one file."""

MOST_VALUES = 2_000_000
"""Values in one file, all weights included."""

MOST_KEYS = 100_000
"""Keys of all objects in one file, each of which takes more memory than a number."""

DEEPEST = 32
"""Objects and lists inside one another; containers of A2 models reach 8."""

LONGEST_SHOWN = 60
"""Characters of a value in a message."""

LONGEST_INTEGER = 16
"""Digits; enough for every integer that a double can hold."""


def parse(data: bytes) -> Any:
    """The value that a JSON text stands for.

    Bounds are checked on the bytes first, so a small file cannot fill the memory.

    Raises:
        FormatError: No JSON, or larger, deeper or stranger than any model file.
    """
    refuse_excess(data)
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            parse_float=finite_float,
            parse_int=bounded_integer,
            parse_constant=refuse_constant,
        )
    except UnicodeDecodeError:
        raise FormatError("it is not text in UTF-8. Fetch the file again.") from None
    except json.JSONDecodeError as problem:
        raise FormatError(
            f"it is not complete JSON ({problem.msg}, line {problem.lineno}, column "
            f"{problem.colno}). It may have been cut off; fetch the file again."
        ) from None
    except RecursionError:
        raise FormatError(TOO_DEEP) from None
    refuse_depth(value)
    return value


TOO_DEEP = (
    f"it is nested more than {DEEPEST} levels deep, which no model file is. "
    "Check where it comes from."
)


def refuse_excess(data: bytes) -> None:
    """Counts brackets, colons and commas; those inside strings count as well."""
    objects = data.count(b"{") + data.count(b"[")
    keys, values = data.count(b":"), data.count(b",")
    if objects > MOST_OBJECTS or keys > MOST_KEYS or values > MOST_VALUES:
        raise FormatError(
            f"it holds {objects} objects and lists, {keys} keys and {values} values; "
            f"at most {MOST_OBJECTS}, {MOST_KEYS} and {MOST_VALUES} are read. Check "
            "that it is a model file."
        )


def finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FormatError(f"the number {text[:40]} is too large. Export it again.")
    return value


def bounded_integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise FormatError(f"the number {text[:40]} is too large. Export it again.")
    return int(text)


def refuse_constant(text: str) -> NoReturn:
    raise FormatError(
        f"it holds {text} where a number belongs: the training that made it diverged. "
        "Train again with a lower learning rate."
    )


def refuse_depth(value: Any) -> None:
    """Walks level by level, so that depth costs no stack."""
    if deeper_than(DEEPEST, value):
        raise FormatError(TOO_DEEP)


def shown(value: Any) -> str:
    """A value of a file, short enough for a message; no more of it is written out."""
    text = ""
    for part in json.JSONEncoder().iterencode(value):
        text += part
        if len(text) > LONGEST_SHOWN:
            return f"{text[: LONGEST_SHOWN - 3]}..."
    return text
