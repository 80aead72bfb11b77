"""Which settings of the knobs a page plays: as many as a reader can turn to.

With few knobs that is every combination of some positions, so the sliders are as free
of one another as on the amp: five positions of one or two knobs, three of three or
four, "off, noon, full". Three to the fifth is more than a page can hold, and two
positions have no noon, where most knobs stand; from there on one knob at a time is
turned away from where it stood, through five positions.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from jaxamp.core import ConfigError

MOST_CLIPS = 81
"""Three positions of four knobs."""

POSITIONS = (5, 3)
"""Of each knob; the first that fits."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings that are played."""

    names: tuple[str, ...]
    positions: tuple[tuple[float, ...], ...]
    """Of each knob, ascending, from 0 to 1."""
    start: tuple[int, ...]
    """Which of its positions each knob has first."""
    settings: tuple[tuple[int, ...], ...]
    """Which of its positions each knob has in each setting."""
    free: bool
    """Whether there is every combination, or one knob at a time is turned."""

    def controls(self) -> np.ndarray:
        """Where the knobs stand in each setting `[settings, k]`."""
        return np.array([self.at(one) for one in self.settings], np.float32)

    def at(self, setting: Sequence[int]) -> list[float]:
        """Where the knobs stand in a setting `[k]`."""
        return [places[i] for places, i in zip(self.positions, setting, strict=True)]


def plan(names: Sequence[str], stood: np.ndarray, most: int = MOST_CLIPS) -> Plan:
    """The settings of a page for knobs that stand at `stood` `[k]`.

    Raises:
        ConfigError: Fewer clips are allowed than the knobs have positions.
    """
    knobs = len(names)
    for count in POSITIONS:
        if count**knobs <= most:
            return combinations(names, stood, count)
    for count in POSITIONS:
        found = one_by_one(names, stood, count)
        if len(found.settings) <= most:
            return found
    raise ConfigError(
        f"--knob-clips {most} is too few for {knobs} knobs: it takes "
        f"{len(found.settings)} to play each of them low, in the middle and high. Give "
        "so many, or 0 for a page without them."
    )


def combinations(names: Sequence[str], stood: np.ndarray, count: int) -> Plan:
    """Every combination; the start is the nearest to where the knobs stand."""
    places = evenly(count)
    nearest = [int(np.argmin(np.abs(np.array(places) - one))) for one in stood]
    return Plan(
        tuple(names),
        (places,) * len(names),
        tuple(nearest),
        tuple(itertools.product(range(count), repeat=len(names))),
        free=True,
    )


def one_by_one(names: Sequence[str], stood: np.ndarray, count: int) -> Plan:
    """Each knob through its positions, with all others where they stand."""
    places = [tuple(sorted({*evenly(count), exact(one)})) for one in stood]
    start = tuple(p.index(exact(one)) for p, one in zip(places, stood, strict=True))
    turned = [
        (*start[:knob], i, *start[knob + 1 :])
        for knob, of_knob in enumerate(places)
        for i in range(len(of_knob))
    ]
    return Plan(
        tuple(names), tuple(places), start, tuple(dict.fromkeys(turned)), free=False
    )


def evenly(count: int) -> tuple[float, ...]:
    """From 0 to 1."""
    return tuple(i / (count - 1) for i in range(count))


def exact(value: float) -> float:
    """A position as it is told, so that 0.25 of float32 is the 0.25 of the grid."""
    return round(float(value), 4)
