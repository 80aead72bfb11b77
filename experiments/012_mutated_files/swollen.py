"""Files as large as any that are read, in what takes the most memory or time."""

from collections.abc import Callable, Sequence

from jaxamp.formats.files import LARGEST_FILE
from jaxamp.formats.strict_json import MOST_KEYS, MOST_OBJECTS, MOST_VALUES

ROOM = LARGEST_FILE - 2**20
"""Bytes left for what makes a file large; the rest is the whole file it is put into."""


def many(item: Callable[[int], str], most: int, brackets: str = "[]") -> str:
    """As many of an item as are read."""
    count = min(most * 95 // 100, ROOM // (len(item(most)) + 1))
    return f"{brackets[0]}{','.join(map(item, range(count)))}{brackets[1]}"


KINDS: Sequence[Callable[[], str]] = (
    lambda: '"' + "x" * ROOM + '"',
    lambda: '"' + "x" * (ROOM - 4) + "😀" + '"',  # four bytes for every character
    lambda: '"' + "😀" * (ROOM // 4) + '"',
    lambda: '"' + r"\u00e9" * (ROOM // 6) + '"',
    lambda: many(lambda _: "0.12345678901", MOST_VALUES),
    lambda: many(lambda i: str(1_000_000_000_000 + i), MOST_VALUES),
    lambda: many(lambda i: f'"a{i:012}"', MOST_VALUES),
    lambda: many(lambda i: f'"{i:08}":0', MOST_VALUES, "{}"),
    lambda: many(lambda i: f'"{i:08}":0', MOST_KEYS, "{}"),
    lambda: many(lambda i: f'{{"a{i:08}":[1.5,2]}}', MOST_OBJECTS // 2),
    lambda: many(lambda _: "[]", MOST_OBJECTS),
)
"""Each a JSON value."""

KEYS = ("weights", "config", "layers", "metadata", "note")
"""Where it is put: under a key that the format has, or one that it has not."""

COUNT = len(KINDS) * len(KEYS)


def swollen(whole: bytes, index: int) -> bytes:
    """The whole file with one huge value; of two equal keys the last one counts."""
    kind, key = KINDS[index % len(KINDS)], KEYS[index // len(KINDS) % len(KEYS)]
    end = whole.rstrip().removesuffix(b"}")
    return end + f', "{key}": {kind()}}}'.encode()
