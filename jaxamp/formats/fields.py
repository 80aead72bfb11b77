"""The keys of a file's objects, read one by one; every problem is collected.

A file that uses three features jaxamp does not have names all three in one message.
So the readers here never raise: they note the problem, return a value of the right
type and go on. `refuse` ends the reading.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core import FormatError
from jaxamp.formats.strict_json import shown

MOST_PROBLEMS = 20
"""Named in one message."""

LONGEST_LIST = 1_000
"""Layers of a model come nowhere near either."""

LARGEST_INTEGER = 10_000_000
"""No size, count or dilation of a model comes near."""


class Fields:
    """One object of a file.

    `null` reads as a missing key, as in the players.
    """

    def __init__(self, value: Any, where: str, problems: list[str]):
        self.where = where
        self.problems = problems
        if not isinstance(value, Mapping):
            self.note("", f"must be an object, not {shown(value)}")
            value = {}
        self._values = value
        self._unread = {key for key, item in value.items() if item is not None}

    def note(self, key: str, problem: str) -> None:
        """Adds a problem, with the place it was found at."""
        place = ".".join(part for part in (self.where, key) if part)
        if len(self.problems) <= MOST_PROBLEMS:  # a hostile file has millions
            self.problems.append(f"{place} {problem}")

    def take(self, key: str, default: Any = None) -> Any:
        """A value of any kind."""
        self._unread.discard(key)
        value = self._values.get(key)
        return default if value is None else value

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._values.get(key) is not None

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number from 1 on."""
        return self._whole(key, self.take(key, default))

    def integers(self, key: str) -> list[int]:
        """A list of whole numbers from 1 on, at least one."""
        value = self.take(key)
        if not isinstance(value, list) or not 0 < len(value) <= LONGEST_LIST:
            wanted = f"a list of 1 to {LONGEST_LIST} whole numbers"
            size = f"a list of {len(value)}" if isinstance(value, list) else None
            self.note(key, self._instead(wanted, value, size))
            return [1]
        return [self._whole(f"{key}[{i}]", item) for i, item in enumerate(value)]

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            self.note(key, self._instead("true or false", value))
            return False
        return value

    def child(self, key: str, default: Any = None) -> "Fields":
        """An object inside this one."""
        value = self.take(key, default)
        place = f"{self.where}.{key}" if self.where else key
        return Fields(value, place, self.problems)

    def children(self, key: str, most: int) -> "list[Fields]":
        """A list of at least one and at most `most` objects."""
        value = self.take(key)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            size = f"a list of {len(value)}" if isinstance(value, list) else None
            self.note(key, self._instead(f"a list of 1 to {most} objects", value, size))
            return []
        place = f"{self.where}.{key}" if self.where else key
        return [
            Fields(item, f"{place}[{i}]", self.problems) for i, item in enumerate(value)
        ]

    def only(self, key: str, allowed: Any, reason: str, default: Any = None) -> None:
        """A key of which one value is supported; a missing one means `default`."""
        value = self.take(key, allowed if default is None else default)
        if value != allowed or isinstance(value, bool) != isinstance(allowed, bool):
            self.note(key, f"is {shown(value)} ({reason})")

    def absent(self, key: str, reason: str) -> None:
        """A key that stands for a feature which is not supported."""
        if self.take(key) is not None:
            self.note(key, f"is given ({reason})")

    def refuse_unread(self) -> None:
        """Whatever was not asked for is not understood."""
        for key in sorted(self._unread):
            self.note(repr(key[:40])[1:-1], "is not understood")
        self._unread.clear()

    def _whole(self, key: str, value: Any) -> int:
        if type(value) is not int or not 1 <= value <= LARGEST_INTEGER:
            allowed = f"a whole number from 1 to {LARGEST_INTEGER}"
            self.note(key, self._instead(allowed, value))
            return 1
        return value

    @staticmethod
    def _instead(wanted: str, value: Any, given: str | None = None) -> str:
        if value is None:
            return f"is missing; it must be {wanted}"
        return f"must be {wanted}, not {given or shown(value)}"


def refuse(problems: Sequence[str], advice: str) -> None:
    """Raises one FormatError that lists all problems, if there are any."""
    if not problems:
        return
    named = "; ".join(problems[:MOST_PROBLEMS])
    more = "; and more" if len(problems) > MOST_PROBLEMS else ""
    raise FormatError(f"{named}{more}. {advice}")
