"""Measures two programs in turns, so that what slows the machine slows both.

One round is a little work of each side. The median over rounds forgets the ones that
something else disturbed; the range says how much was disturbed.
"""

import dataclasses
import statistics
import time

REST_SECONDS = 0.05
"""Between the sides: threads of the one that stopped spin for a moment."""


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds for one unit of work, a number for each round."""

    seconds: list[float]

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def spread(self):
        """Slowest less fastest round, in per cent of the median."""
        return 100 * (max(self.seconds) - min(self.seconds)) / self.median


def in_turns(sides, rounds):
    """Calls each side once a round; returns name -> what its calls gave.

    Args:
        sides: name -> function without arguments; each is called once before the
            first round, to warm up, and that answer is thrown away.
    """
    for side in sides.values():
        side()
    answers = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            time.sleep(REST_SECONDS)
            answers[name].append(side())
    return answers


def timed(sides, rounds, round_seconds):
    """Times sides that make a given number of units and return the seconds taken.

    Each side makes as many units a round as fill about `round_seconds`.
    """
    fixed = {
        name: filling(side, round_seconds)
        for name, side in sides.items()
        if side is not None
    }
    answers = in_turns(fixed, rounds)
    return {name: Times(seconds) for name, seconds in answers.items()}


def filling(side, round_seconds):
    """The side, making as many units as fit, and answering seconds for each."""
    side(1)  # compiles, allocates, reads
    units = max(1, round(round_seconds / max(side(1), 1e-9)))
    return lambda: side(units) / units


def ratio(times):
    """How many times faster jaxamp is than the peer; None without a peer."""
    if "peer" not in times:
        return None
    return times["peer"].median / times["jaxamp"].median


def ratio_range(times):
    """The lowest and highest ratio of single rounds, as text."""
    if "peer" not in times:
        return None
    pairs = zip(times["peer"].seconds, times["jaxamp"].seconds, strict=True)
    ratios = [theirs / ours for theirs, ours in pairs]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"
