"""Strangers' words, made fit for a terminal: nothing in them acts, all of it is seen.

A file's name, a key or a label may hold escape sequences that clear a screen, marks
that turn the direction of writing, or line feeds that look like a message of ours.
"""

import os
import re

LONGEST_MESSAGE = 4_000
"""Characters of one message; refusals of whole model files have up to 2,000."""

LONGEST_NAME = 120
"""Characters of the name of a folder in a run."""


def shown(words: str | os.PathLike[str], longest: int | None = None) -> str:
    """The words with every letter that is not printed as itself escaped.

    Args:
        longest: Characters after which they are cut.
    """
    text = os.fspath(words)
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in text
    )


def paragraph(message: object) -> str:
    """A message as one bounded line."""
    return shown(str(message).strip(), LONGEST_MESSAGE)


def is_plain_name(name: object) -> bool:
    """Whether a word from a file may name a folder inside another: never a path."""
    return (
        isinstance(name, str)
        and len(name) <= LONGEST_NAME
        and re.fullmatch(r"\w[\w.+=,-]*", name) is not None
    )
