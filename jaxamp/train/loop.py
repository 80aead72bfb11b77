"""The life of a run: train, validate, keep the best, stop for a stated reason.

A run has one member or several, which learn side by side; each has its own best and
its own end, and the others go on without it. The loop only schedules compiled calls.
Where a call begins and ends, and who takes part in it, does not change a number, so a
run cut anywhere and taken up again ends like one that was not cut.

A member that diverges goes back to its best, if its plan allows it, and on from there
at a lower learning rate. The steps in between are forgotten, save that they failed.
Several processes may run one loop, each on its devices. They make the same calls,
because what is not computed alike everywhere (seconds, validation, signals, files) the
first process says for all.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxamp.core.processes import ALONE, Crew
from jaxamp.train.checkpoint import pack, unpack
from jaxamp.train.devices import placed
from jaxamp.train.log import Screen
from jaxamp.train.members import (
    Member,
    Outcome,
    Running,
    advanced,
    begun,
    judged,
    outcome,
    saving,
    unsaved,
)
from jaxamp.train.progress import Progress, call_length, due, ended, owes
from jaxamp.train.restart import go_back, went_back
from jaxamp.train.step import TrainState, train_steps

Collect = Callable[[], tuple[Sequence[TrainState], np.ndarray, np.ndarray]]
"""Waits for a compiled call: new states, losses `[m, STEPS_PER_CALL]`, health `[m]`."""

Advance = Callable[[Sequence[Running], int, int], Collect]
"""(members that are at a step, that step, how many steps to make) -> how to wait."""

Rescue = Callable[[Sequence[Callable[[], None]]], None]
"""Is given what is to be called if there is no time to end properly."""


def side_by_side(turn: Sequence[Running], step: int, length: int) -> Collect:
    """Members of any tasks, which hear the same windows at the same rate, in one call.

    They must share seed, dataset, learning rate and weights: the first's are used.
    Where some have a lower rate after a restart, there is a call for each rate.
    """
    factors = list(dict.fromkeys(run.progress.rate_factor for run in turn))
    groups = [[r for r in turn if r.progress.rate_factor == f] for f in factors]
    made = [one_call(group, step, length) for group in groups]

    def collect() -> tuple[list[TrainState], np.ndarray, np.ndarray]:
        ends = {
            id(run): (state, np.asarray(losses)[i], bool(np.asarray(healthy)[i]))
            for group, (states, losses, healthy) in zip(groups, made, strict=True)
            for i, (run, state) in enumerate(zip(group, states, strict=True))
        }
        states, losses, healthy = zip(*(ends[id(run)] for run in turn), strict=True)
        return list(states), np.stack(losses), np.asarray(healthy)

    return collect


def one_call(turn: Sequence[Running], step: int, length: int) -> Any:
    """A compiled call for members of one learning rate."""
    first = turn[0].member
    return train_steps(
        tuple(run.member.task for run in turn),
        tuple(placed(first.task.mesh, run.state) for run in turn),
        first.dataset,
        turn[0].rates_after(step),
        np.int32(length),
        None if first.weights is None else np.asarray(first.weights, np.float32),
    )


def fit(
    members: Sequence[Member],
    screen: Screen,
    *,
    advance: Advance = side_by_side,
    interrupted: Callable[[], bool] = lambda: False,
    rescue: Rescue = lambda saves: None,
    warn: Callable[[str], None] = lambda text: None,
    crew: Crew = ALONE,
) -> tuple[Outcome, ...]:
    """Trains until the plans say stop, and gives back each member's best parameters.

    Args:
        advance: How members make their steps: `side_by_side` or a `Population`.
        interrupted: Whether to stop; a validation that is due is then left to the
            next start.
        rescue: Told, before anything that may last, how to keep what is learned.
        warn: Told of failures that go on without a word (see `watch`), once each.
        crew: The processes that run this very loop together.
    """
    stop = crew.any(interrupted())
    runs = [begun(one, stop) for one in members]
    agree(crew, runs)
    if not stop:
        make_up(runs, screen, rescue, warn, crew)
    pace, before, late = None, None, []
    while turn := behind(runs):
        step, who = turn[0].progress.step, [id(run) for run in turn]
        pace = pace if who == before else None
        plans = [run.member.plan for run in turn]
        length = min(call_length(one, step, pace, ahead(runs, step)) for one in plans)
        rescue([unsaved(run) for run in turn])
        screen.lap()
        collect = advance(turn, step, length)
        finish(late)  # while the device is busy
        states, losses, healthy = collect()
        seconds = crew.first(screen.lap)
        pace = seconds / length if who == before else None  # its first call compiles
        before, news = who, {}
        for run, state, row in zip(turn, states, losses, strict=True):
            news[id(run)] = advanced(run, state, row, seconds)
        fine, failed = parted(turn, healthy)
        rescue([unsaved(run) for run in fine])
        stop = crew.any(interrupted())
        ready = [run for run in fine if due(run.member.plan, run.progress) and not stop]
        for run, facts in zip(ready, judged(ready, screen.lap, crew), strict=True):
            news[id(run)] |= facts
        for run in fine:
            run.member.log.write(run.progress.step, news[id(run)])
        if fine:
            told = [(run.member.name, news[id(run)]) for run in fine]
            screen.report(step + length, told)
        for run in failed:
            go_back(run, "its numbers stopped being finite", warn)
        late += [saving(run) for run in ready if not went_back(run, warn, crew)]
        stop = crew.any(stop or interrupted())
        for run in turn:
            run.reason = run.reason or ended(run.member.plan, run.progress, stop)
    finish(late)
    for i in crew.first(lambda: without_checkpoint(runs)):
        saving(runs[i])()
    rescue([])
    return tuple(outcome(run) for run in runs)


def behind(runs: Sequence[Running]) -> list[Running]:
    """Those that train next: of all that go on, the ones with the fewest steps."""
    going = [run for run in runs if run.reason is None]
    fewest = min((run.progress.step for run in going), default=0)
    return [run for run in going if run.progress.step == fewest]


def ahead(runs: Sequence[Running], step: int) -> int | None:
    """The step at which others wait to go on together, or None."""
    steps = [run.progress.step for run in runs if run.reason is None]
    return min((other for other in steps if other > step), default=None)


def parted(
    turn: Sequence[Running], healthy: np.ndarray
) -> tuple[list[Running], list[Running]]:
    """Members whose numbers are finite, and those whose are not."""
    both = list(zip(turn, healthy, strict=True))
    return [run for run, well in both if well], [run for run, well in both if not well]


def agree(crew: Crew, runs: Sequence[Running]) -> None:
    """Has all processes begin where the first one, which reads the files, does."""
    known = crew.first(
        lambda: [
            (dataclasses.asdict(run.progress), run.reason, run.best is not None)
            for run in runs
        ]
    )
    for run, (progress, reason, has_best) in zip(runs, known, strict=True):
        run.progress, run.reason = Progress(**progress), reason
        if crew.count > 1:
            like = run.state
            run.state = from_first(crew, run.state, like)
            run.best = from_first(crew, run.best, like) if has_best else None


def from_first(crew: Crew, state: TrainState | None, like: TrainState) -> TrainState:
    """A state as the first process has it."""
    return unpack(crew.first_arrays(lambda: pack(state)), like)


def without_checkpoint(runs: Sequence[Running]) -> list[int]:
    """Which members have no checkpoint of where they are."""
    return [
        i
        for i, run in enumerate(runs)
        if run.progress.step not in run.member.checkpoints.steps()
    ]


def make_up(
    runs: Sequence[Running],
    screen: Screen,
    rescue: Rescue,
    warn: Callable[[str], None],
    crew: Crew,
) -> None:
    """Validates those that were stopped where a validation was due."""
    owing = [run for run in runs if owes(run.member.plan, run.progress)]
    rescue([unsaved(run) for run in owing])
    screen.lap()
    for run, facts in zip(owing, judged(owing, screen.lap, crew), strict=True):
        run.member.log.write(run.progress.step, facts)
        if not went_back(run, warn, crew):
            run.member.checkpoints.discard(run.progress.step)
            saving(run)()
        run.reason = ended(run.member.plan, run.progress, interrupted=False)


def finish(late: list[Callable[[], None]]) -> None:
    """Does what could wait, once."""
    while late:
        late.pop(0)()
