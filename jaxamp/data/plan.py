"""Which settings of an amp's knobs to record, and in which order.

Some corners, where every knob is fully up or down, hold the ends of the range; a Latin
hypercube spreads the rest so that every knob is seen at as many places as there are
settings. Values are rounded to what can be set on a dial.
"""

import dataclasses
import math
import operator
from collections.abc import Sequence

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import ConfigError
from jaxamp.data.manifest import Knob
from jaxamp.data.spread import spread_corners

CORNER_SHARE = 1 / 3
"""Of the settings that are corners at most, unless told otherwise."""

MOST_SETTINGS = 500
MOST_KNOBS = 12
TRIES = 200
"""Draws until there are enough settings that differ after rounding."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Settings in the order in which they are recorded.

    Shapes:
        values `[settings, knobs]`, on the amp's face
    """

    knobs: tuple[Knob, ...]
    values: np.ndarray
    corners: int
    """How many of them are corners."""
    moves: int
    """How often a knob is turned from one setting to the next, in all."""
    moves_unordered: int
    """The same in the order in which they were drawn."""


def plan(
    knobs: Sequence[Knob],
    settings: int,
    *,
    step: float = 0.5,
    corners: int | None = None,
    seed: int = 0,
) -> Plan:
    """A capture plan.

    Args:
        step: Of the dial, on the amp's face; values are whole steps from the low end.
        corners: How many of the settings are corners; None is all of them, up to a
            third of the settings.

    Raises:
        ConfigError: More settings than the dials have, or fewer than can be.

    Source:
        McKay, Beckman and Conover 1979, Technometrics 21(2); `scipy.stats.qmc`.
    """
    steps = [steps_of(knob, step) for knob in knobs]
    wanted = corner_count(len(knobs), settings, corners)
    refuse_unlike(knobs, steps, settings, wanted)
    ends = spread_corners(len(knobs), wanted, seed).astype(int).tolist()
    rows = [tuple(map(operator.mul, steps, row)) for row in ends]
    rows += filled(rows, steps, settings - len(rows), seed)
    dials = np.array(rows)
    order = short_tour(dials)
    low = np.array([knob.low for knob in knobs])
    return Plan(
        tuple(knobs),
        np.round(low + dials[order] * step, 6),
        len(ends),
        moves(dials[order]),
        moves(dials),
    )


def steps_of(knob: Knob, step: float) -> int:
    """Steps from one end of a knob to the other.

    Raises:
        ConfigError: They do not fill it.
    """
    if not (step > 0 and math.isfinite(step)):
        raise ConfigError(f"The step of a dial is {step:g}, and must be above 0.")
    count = (knob.high - knob.low) / step
    if count < 1 or abs(count - round(count)) > 1e-6 or count > 1e6:
        raise ConfigError(
            f"Knob {knob.name} goes from {knob.low:g} to {knob.high:g}, which is no "
            f"whole number of steps of {step:g}. Give another --step or --range."
        )
    return round(count)


def corner_count(knobs: int, settings: int, corners: int | None) -> int:
    """How many corners are recorded."""
    most = 2**knobs
    return min(most, int(settings * CORNER_SHARE)) if corners is None else corners


def refuse_unlike(
    knobs: Sequence[Knob], steps: Sequence[int], settings: int, corners: int
) -> None:
    """Raises ConfigError for what no plan can be made of."""
    if not 1 <= len(knobs) <= MOST_KNOBS:
        raise ConfigError(f"{len(knobs)} knobs: give 1 to {MOST_KNOBS}.")
    there = math.prod(count + 1 for count in steps)
    if not 2 <= settings <= min(there, MOST_SETTINGS):
        raise ConfigError(
            f"{settings} settings: give 2 to {min(there, MOST_SETTINGS)}"
            + (", as many as the dials have." if there < MOST_SETTINGS else ".")
        )
    if not 0 <= corners <= min(settings, 2 ** len(knobs)):
        raise ConfigError(
            f"{corners} corners: give 0 to {min(settings, 2 ** len(knobs))}."
        )


def filled(
    there: Sequence[tuple[int, ...]], steps: Sequence[int], count: int, seed: int
) -> list[tuple[int, ...]]:
    """So many more settings, in steps of each dial: a Latin hypercube.

    What rounding makes the same as another is drawn again.
    """
    rng = np.random.default_rng(seed)
    taken = dict.fromkeys(there)
    for _ in range(TRIES):
        missing = len(there) + count - len(taken)
        if not missing:
            break
        sampler = scipy.stats.qmc.LatinHypercube(d=len(steps), rng=rng)
        drawn = np.round(sampler.random(missing) * np.array(steps)).astype(int)
        taken |= dict.fromkeys(map(tuple, drawn.tolist()))
    for place in np.ndindex(*(n + 1 for n in steps)):
        if len(taken) == len(there) + count:
            break
        taken.setdefault(place)  # nearly all that the dials have was asked for
    return [*taken][len(there) :]


def moves(dials: np.ndarray) -> int:
    """How often a knob is turned on the way through the rows."""
    return int(np.count_nonzero(np.diff(dials, axis=0)))


def short_tour(dials: np.ndarray) -> list[int]:
    """An order of rows in which few knobs are turned, and those not far.

    The nearest next, from each possible start, and then stretches turned around as
    long as that helps.

    Source:
        Croes 1958, Operations Research 6(6): 2-opt.
    """
    span = np.maximum(np.ptp(dials, axis=0), 1)
    apart = np.abs(dials[:, None] - dials)
    cost = np.count_nonzero(apart, axis=2) + 0.1 * (apart / span).sum(axis=2)
    starts = range(len(dials)) if len(dials) <= 60 else [0]
    tours = [improved(nearest_first(cost, start), cost) for start in starts]
    return min(tours, key=lambda tour: length(tour, cost))


def nearest_first(cost: np.ndarray, start: int) -> list[int]:
    """From row to the nearest row that is left."""
    tour, left = [start], set(range(len(cost))) - {start}
    while left:
        tour.append(min(left, key=lambda i: (cost[tour[-1], i], i)))
        left.remove(tour[-1])
    return tour


def improved(tour: list[int], cost: np.ndarray) -> list[int]:
    """The tour with stretches turned around that make it shorter so."""
    again = True
    while again:
        again = False
        for i in range(len(tour) - 1):
            for j in range(i + 1, len(tour)):
                if turned_gain(tour, i, j, cost) > 1e-9:
                    tour[i : j + 1] = tour[i : j + 1][::-1]
                    again = True
    return tour


def turned_gain(tour: Sequence[int], i: int, j: int, cost: np.ndarray) -> float:
    """What an open tour saves with the stretch from i to j turned around."""
    before = after = 0.0
    if i > 0:
        before += cost[tour[i - 1], tour[i]]
        after += cost[tour[i - 1], tour[j]]
    if j < len(tour) - 1:
        before += cost[tour[j], tour[j + 1]]
        after += cost[tour[i], tour[j + 1]]
    return float(before - after)


def length(tour: Sequence[int], cost: np.ndarray) -> float:
    """The cost of all its steps."""
    return float(cost[tour[:-1], tour[1:]].sum())
