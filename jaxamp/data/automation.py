"""Knobs that move as a file says, and where they stand in any stretch of a signal.

The file is CSV: the line `seconds,knob,value`, then a line for each point. Between its
points a knob goes in straight lines; before the first and after the last it rests; two
points of a knob at one time are a jump.
"""

import csv
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxamp.core import KNOB_MIDDLE, ConfigError, Model, knob_settings
from jaxamp.core.cloud import fetched
from jaxamp.core.shown import shown
from jaxamp.core.small_files import small_text
from jaxamp.dsp.moves import Interval, Way, merged

HEADER = ["seconds", "knob", "value"]

SMOOTHING_SECONDS = 0.02
"""Over which a corner is rounded; a jump then sounds like a quick turn of the hand."""

LONGEST_SMOOTHING = 10.0
"""Seconds."""

MOST_POINTS = 100_000
"""Of one file; a point each 10 ms for a quarter of an hour."""

LATEST_SECONDS = 1e6
"""Eleven days; no recording is longer."""

LONGEST_WORD = 40
"""Characters of a word from the file in a message."""


class Point(NamedTuple):
    """Where a knob stands at a time."""

    seconds: float
    value: float
    place: str
    """Where it was read, for messages."""


@dataclasses.dataclass(frozen=True)
class Automation:
    """Knobs that move: `automation(start, stop)` -> their values in these samples.

    Shapes:
        -> `[k, stop - start]` float32, the same for however the samples are asked for;
        samples before 0 and after the end may be asked for too.
    """

    names: tuple[str, ...]
    settings: np.ndarray
    """Where each knob `[k]` stands that does not move."""
    ways: Mapping[int, Way]
    """Of the knobs that do, by their number."""
    last: float
    """Seconds, of the last point."""

    def __call__(self, start: int, stop: int) -> np.ndarray:
        values = np.repeat(self.settings[:, None], stop - start, axis=1)
        for knob, way in self.ways.items():
            values[knob] = way.between(start, stop)
        return values

    def moves(self) -> list[Interval]:
        """The samples in which any knob moves; what overlaps or touches is one."""
        return merged([move for way in self.ways.values() for move in way.moves()])

    @property
    def moved(self) -> tuple[str, ...]:
        """The names of the knobs that points were given for."""
        return tuple(self.names[knob] for knob in self.ways)


def automation(
    model: Model,
    points: Mapping[str, Sequence[tuple[float, float]]],
    settings: Mapping[str, float] | None = None,
    *,
    smoothing_seconds: float = SMOOTHING_SECONDS,
) -> Automation:
    """The moves of a model's knobs.

    Args:
        points: knob -> (seconds, value) for each of its points, in order.
        settings: knob -> where it stands, 0 to 1: of a knob without points, all the
            time, of one that has some, at 0 s, from where it goes to its first; in
            the middle, and at its first point, unless named.
        smoothing_seconds: Over which corners are rounded, see `Way`; 0 leaves them.

    Raises:
        ConfigError: A knob that the model does not have; a value that is not from 0 to
            1; times that go back, are negative, or name more than two values; a knob
            that is set at 0 s twice.
    """
    given = {
        name: [
            Point(seconds, value, f"point {number}")
            for number, (seconds, value) in enumerate(course, 1)
        ]
        for name, course in points.items()
    }
    return along(model, given, settings or {}, smoothing_seconds)


def read_automation(
    path: str | os.PathLike[str],
    model: Model,
    settings: Mapping[str, float] | None = None,
    *,
    smoothing_seconds: float = SMOOTHING_SECONDS,
) -> Automation:
    """The moves of a model's knobs that a CSV file tells; see `automation`.

    Raises:
        ConfigError: As there, with the line; no file, one too large, or no such CSV.
        CloudError: A URL that cannot be read.
    """
    name = shown(path)
    if not model.controls:
        raise ConfigError(
            f"{name} moves knobs, and the model has no knobs at all. Leave it out, or "
            "take another model; `jaxamp info` names the knobs of one."
        )
    try:
        text = small_text(fetched(path))
        rows = list(csv_rows(text))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"{name} cannot be read as CSV: {error}. {advice(model)}"
        ) from error
    points: dict[str, list[Point]] = {}
    for line, row in read_rows(name, rows, model):
        knob = row[1]
        point = Point(*numbers(f"{name}, line {line}", row), f"{name}, line {line}")
        points.setdefault(knob, []).append(point)
    return along(model, points, settings or {}, smoothing_seconds)


def along(
    model: Model,
    points: Mapping[str, list[Point]],
    settings: Mapping[str, float],
    smoothing_seconds: float,
) -> Automation:
    """The moves along these points; raises as `automation`."""
    refuse_smoothing(smoothing_seconds)
    # A knob with points that is not there is refused in the words for settings.
    stand = knob_settings(model, {**dict.fromkeys(points, KNOB_MIDDLE), **settings})
    if stand is None:
        raise ConfigError("The model has no knobs that could move.")
    ways, last = {}, 0.0
    for name, course in points.items():
        if not course:
            continue
        refuse_points(name, course)
        if name in settings:
            course = begun(name, settings[name], course)  # noqa: PLW2901
        times = [point.seconds * model.sample_rate for point in course]
        values = [point.value for point in course]
        way = Way(times, values, smoothing_seconds * model.sample_rate)
        ways[model.controls.index(name)] = way
        last = max(last, course[-1].seconds)
    return Automation(model.controls, stand, ways, last)


def csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the words of each line that is not empty."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True)
    for row in reader:
        words = [word.strip() for word in row]
        if any(words):
            yield reader.line_num, words


def read_rows(
    name: str, rows: list[tuple[int, list[str]]], model: Model
) -> list[tuple[int, list[str]]]:
    """The lines of points.

    Raises:
        ConfigError: Another heading, none or too many of them, or another knob.
    """
    if not rows or [word.lower() for word in rows[0][1]] != HEADER:
        first = shown(",".join(rows[0][1]), LONGEST_WORD) if rows else ""
        raise ConfigError(
            f"{name} begins with {first!r}, not with {','.join(HEADER)}. "
            f"{advice(model)}"
        )
    points = rows[1:]
    if not points or len(points) > MOST_POINTS:
        raise ConfigError(
            f"{name} has {len(points)} points; 1 to {MOST_POINTS} are read. "
            f"{advice(model)}"
        )
    for line, row in points:
        if len(row) != len(HEADER):
            raise ConfigError(
                f"{name}, line {line}: {len(row)} columns instead of 3. {advice(model)}"
            )
        if row[1] not in model.controls:
            raise ConfigError(
                f"{name}, line {line}: the model has no knob "
                f"{shown(row[1], LONGEST_WORD)!r}; its knobs are "
                f"{', '.join(model.controls)}."
            )
    return points


def advice(model: Model) -> str:
    """How it should look."""
    return (
        f"It should have the line {','.join(HEADER)} and then one such as "
        f"1.5,{model.controls[0]},0.7 for each point."
    )


def numbers(place: str, row: list[str]) -> tuple[float, float]:
    """The time and the value of a row."""
    found = []
    for word, what in ((row[0], "seconds"), (row[2], "value")):
        try:
            found.append(float(word))
        except ValueError:
            raise ConfigError(
                f"{place}: {what} is {shown(word, LONGEST_WORD)!r}, which is no number."
            ) from None
    return found[0], found[1]


def refuse_points(name: str, course: Sequence[Point]) -> None:
    """Raises for points of a knob that are no way it could go."""
    before: list[Point] = []
    for point in course:
        if not 0 <= point.value <= 1:
            raise ConfigError(
                f"{point.place}: knob {name!r} was set to {point.value:g}; knobs go "
                "from 0 to 1."
            )
        if not (0 <= point.seconds <= LATEST_SECONDS and math.isfinite(point.seconds)):
            raise ConfigError(
                f"{point.place}: {point.seconds:g} s must be from 0 to "
                f"{LATEST_SECONDS:g} s after the begin of the audio."
            )
        if before and point.seconds < before[-1].seconds:
            raise ConfigError(
                f"{point.place}: knob {name!r} goes back in time, from "
                f"{before[-1].seconds:g} to {point.seconds:g} s. Put its points in "
                "order."
            )
        if len(before) > 1 and point.seconds == before[-2].seconds:
            raise ConfigError(
                f"{point.place}: a third value of knob {name!r} at {point.seconds:g} "
                "s. Two are a jump, from the first to the second; leave one out."
            )
        before.append(point)


def begun(name: str, value: float, course: list[Point]) -> list[Point]:
    """The points after one at 0 s."""
    if course[0].seconds == 0:
        raise ConfigError(
            f"Knob {name!r} is set to {value:g} to begin with, and to "
            f"{course[0].value:g} at 0 s by {course[0].place}. Leave one of them out."
        )
    return [Point(0.0, value, "the start"), *course]


def refuse_smoothing(seconds: float) -> None:
    """Raises for a smoothing that cannot be meant."""
    if not 0 <= seconds <= LONGEST_SMOOTHING:
        raise ConfigError(
            f"A smoothing over {seconds:g} s was asked for; 0 (none) to "
            f"{LONGEST_SMOOTHING:g} s are taken, {SMOOTHING_SECONDS:g} is usual."
        )
