"""What a manifest says: the knobs of an amp, and where they stood for each recording.

Values are those on the amp's face; models hear 0 to 1.
"""

import dataclasses
from collections.abc import Sequence

from jaxamp.core import ConfigError


@dataclasses.dataclass(frozen=True)
class Knob:
    """A knob as it is on the amp's face."""

    name: str
    low: float
    high: float

    def position(self, value: float) -> float:
        """Where it stands, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One recording: its files, the part of them that is meant, its knobs."""

    name: str
    """Its own, or else its knobs in words; the same for two of one setting."""
    input: str
    target: str
    values: tuple[float, ...]
    """On the amp's face, in the order of the knobs."""
    delay: int | None = None
    """Samples, where it is known."""
    start_seconds: float = 0.0
    """Where the part that is meant begins in the input …"""
    target_start_seconds: float | None = None
    """… and in the target; None is the same place."""
    seconds: float | None = None
    """How long it is; None goes to the end of the shorter file."""
    validation: bool = False
    """Whether its setting is kept from training."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The recordings of one amp."""

    file: str
    knobs: tuple[Knob, ...]
    entries: tuple[Entry, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the knobs."""
        return tuple(knob.name for knob in self.knobs)

    def without(self, dropped: Sequence[str]) -> "Manifest":
        """The same, as if some knobs were not there.

        Raises:
            ConfigError: A name that no knob has.
        """
        if isinstance(dropped, str) or not all(isinstance(n, str) for n in dropped):
            raise ConfigError(
                f"drop={dropped!r} must be a list of knobs, for example [presence]."
            )
        for name in dropped:
            if name not in self.names:
                raise ConfigError(
                    f"drop names {name!r}, which is no knob of {self.file}; its knobs "
                    f"are {', '.join(self.names)}."
                )
        kept = [i for i, name in enumerate(self.names) if name not in dropped]
        return Manifest(
            self.file,
            tuple(self.knobs[i] for i in kept),
            tuple(
                dataclasses.replace(one, values=tuple(one.values[i] for i in kept))
                for one in self.entries
            ),
        )

    def positions(self, entry: Entry) -> tuple[float, ...]:
        """Where the knobs stood, 0 to 1."""
        return tuple(
            knob.position(value)
            for knob, value in zip(self.knobs, entry.values, strict=True)
        )


def setting_words(names: Sequence[str], values: Sequence[float]) -> str:
    """'gain 7 bass 5.5'."""
    pairs = zip(names, values, strict=True)
    return " ".join(f"{name} {value:g}" for name, value in pairs)
