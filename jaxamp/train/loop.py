"""The life of a run: train, validate, keep the best, stop for a stated reason.

A run has one member or several, which learn side by side; each has its own best and
its own end, and the others go on without it. The loop only schedules compiled calls.
Where a call begins and ends, and who takes part in it, does not change a number, so a
run cut anywhere and taken up again ends like one that was not cut.

Several processes may run one loop, each on its devices. They make the same calls,
because what is not computed alike everywhere (seconds, validation, signals, files) the
first process says for all.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from jaxamp.core import Dataset, Params
from jaxamp.core.processes import ALONE, Crew
from jaxamp.train.checkpoint import Checkpoints, pack, unpack
from jaxamp.train.devices import fetched, placed
from jaxamp.train.log import RunLog, Screen, Unwritten
from jaxamp.train.schedules import LearningRates
from jaxamp.train.step import (
    STEPS_PER_CALL,
    Task,
    TrainState,
    kept_params,
    start,
    train_steps,
)
from jaxamp.train.validate import Passage, validation_esrs

SECONDS_PER_CALL = 4.0
"""About how long a compiled call lasts, so that the bar moves and Ctrl-C is heard."""

FIRST_CALLS = 4
"""Steps of the first calls, which compile and find out how long a step takes."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """When to validate and when to stop."""

    steps: int
    validate_every: int
    minutes: float | None = None
    threshold_esr: float | None = None
    patience: int | None = None
    """Validations without a new best."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a run remembers outside the compiled state; saved with each checkpoint."""

    step: int = 0
    seconds: float = 0.0
    """Spent training, validation and compilation included, with those beside it."""
    best_esr: float | None = None
    best_step: int | None = None
    validated: int = 0
    """The last step that was validated."""
    stale: int = 0
    """Validations since the best."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    reason: str
    """steps, minutes, threshold, patience, interrupted or diverged."""
    progress: Progress
    params: Params
    """The best by validation ESR; the latest where nothing was validated."""
    final: TrainState
    """The state after the last step."""


@dataclasses.dataclass(frozen=True)
class Member:
    """One model of a run: what it learns, who judges it, where it is kept."""

    task: Task
    dataset: Dataset
    passages: Sequence[Passage]
    plan: Plan
    seed: int
    rates: LearningRates
    checkpoints: Checkpoints | Unwritten
    log: RunLog | Unwritten
    name: str = ""
    """What it is called on the screen, where there are several."""
    weights: Sequence[float] | None = None
    """Of the terms of the loss; None takes the loss's own."""
    target_gain: float = 1.0
    """What its targets were multiplied by; kept with its checkpoints."""
    taken: Mapping[str, np.ndarray] | None = None
    """Parameters it begins with, by name, instead of drawing them."""
    resumed: tuple[TrainState, Progress] | None = None


@dataclasses.dataclass
class Running:
    """A member on its way."""

    member: Member
    state: TrainState
    progress: Progress
    best: Params | None
    reason: str | None
    """Why it stopped, or None."""


Collect = Callable[[], tuple[Sequence[TrainState], np.ndarray, np.ndarray]]
"""Waits for a compiled call: new states, losses `[m, STEPS_PER_CALL]`, health `[m]`."""

Advance = Callable[[Sequence[Running], int, int], Collect]
"""(members that are at a step, that step, how many steps to make) -> how to wait."""


def side_by_side(turn: Sequence[Running], step: int, length: int) -> Collect:
    """Members of any tasks, which hear the same windows at the same rate, in one call.

    They must share seed, dataset, learning rate and weights: the first's are used.
    """
    first = turn[0].member
    mesh = first.task.mesh
    states, losses, healthy = train_steps(
        tuple(run.member.task for run in turn),
        tuple(placed(mesh, run.state) for run in turn),
        first.dataset,
        first.rates.after(step),
        np.int32(length),
        None if first.weights is None else np.asarray(first.weights, np.float32),
    )
    return lambda: (states, np.asarray(losses), np.asarray(healthy))


def fit(
    members: Sequence[Member],
    screen: Screen,
    *,
    advance: Advance = side_by_side,
    interrupted: Callable[[], bool] = lambda: False,
    crew: Crew = ALONE,
) -> tuple[Outcome, ...]:
    """Trains until the plans say stop, and gives back each member's best parameters.

    Args:
        advance: How members make their steps: `side_by_side` or a `Population`.
        crew: The processes that run this very loop together.
    """
    stop = crew.any(interrupted())
    runs = [begun(one, stop) for one in members]
    agree(crew, runs)
    pace, before, late = None, None, []
    while turn := behind(runs):
        step, who = turn[0].progress.step, [id(run) for run in turn]
        pace = pace if who == before else None
        plans = [run.member.plan for run in turn]
        length = min(call_length(one, step, pace, ahead(runs, step)) for one in plans)
        screen.lap()
        collect = advance(turn, step, length)
        finish(late)  # while the device is busy
        states, losses, healthy = collect()
        seconds = crew.first(screen.lap)
        pace = seconds / length if who == before else None  # its first call compiles
        before, news = who, {}
        for run, state, row, fine in zip(turn, states, losses, healthy, strict=True):
            news[id(run)] = advanced(run, state, row, seconds)
            if not fine:
                run.reason = "diverged"
        fine = [run for run in turn if run.reason is None]
        ready = [run for run in fine if due(run.member.plan, run.progress)]
        for run, facts in zip(ready, judged(ready, screen.lap, crew), strict=True):
            news[id(run)] |= facts
            late.append(saving(run, facts["validation_esr"]))
        for run in fine:
            run.member.log.write(run.progress.step, news[id(run)])
        if fine:
            told = [(run.member.name, news[id(run)]) for run in fine]
            screen.report(step + length, told)
        stop = crew.any(interrupted())
        for run in fine:
            run.reason = ended(run.member.plan, run.progress, stop)
    finish(late)
    for i in crew.first(lambda: unsaved(runs)):
        saving(runs[i])()
    return tuple(outcome(run) for run in runs)


def begun(member: Member, interrupted: bool) -> Running:
    """A member where it starts, or where it was left."""
    if member.resumed is None:
        batch = member.dataset.batch
        state = start(member.task, member.seed, batch, member.taken)
        best, progress = None, Progress()
    else:
        best, progress = remembered_best(member, *member.resumed)
        state = member.resumed[0]
    reason = ended(member.plan, progress, interrupted)
    return Running(member, state, progress, best, reason)


def agree(crew: Crew, runs: Sequence[Running]) -> None:
    """Has all processes begin where the first one, which reads the files, does."""
    known = crew.first(
        lambda: [(dataclasses.asdict(run.progress), run.reason) for run in runs]
    )
    for run, (progress, reason) in zip(runs, known, strict=True):
        run.progress, run.reason = Progress(**progress), reason
        if crew.count > 1:
            numbers = crew.first_arrays(lambda state=run.state: pack(state))
            run.state = unpack(numbers, run.state)


def unsaved(runs: Sequence[Running]) -> list[int]:
    """Which members have no checkpoint of where they are."""
    return [
        i
        for i, run in enumerate(runs)
        if run.progress.step not in run.member.checkpoints.steps()
    ]


def behind(runs: Sequence[Running]) -> list[Running]:
    """Those that train next: of all that go on, the ones with the fewest steps."""
    going = [run for run in runs if run.reason is None]
    fewest = min((run.progress.step for run in going), default=0)
    return [run for run in going if run.progress.step == fewest]


def ahead(runs: Sequence[Running], step: int) -> int | None:
    """The step at which others wait to go on together, or None."""
    steps = [run.progress.step for run in runs if run.reason is None]
    return min((other for other in steps if other > step), default=None)


def advanced(
    run: Running, state: TrainState, losses: np.ndarray, seconds: float
) -> dict[str, Any]:
    """Moves a member on by a compiled call; what is to be told of it."""
    made = int(state.step) - run.progress.step
    run.state = state
    run.progress = dataclasses.replace(
        run.progress,
        step=run.progress.step + made,
        seconds=run.progress.seconds + seconds,
    )
    return {
        "loss": float(np.mean(losses[:made])) if made else None,
        "steps_per_second": made / seconds,
        "seconds": run.progress.seconds,
        "best_esr": run.progress.best_esr,
        "learning_rate": float(run.member.rates.after(run.progress.step)[0]),
    }


def judged(
    runs: Sequence[Running], lap: Callable[[], float], crew: Crew = ALONE
) -> list[Mapping[str, Any]]:
    """Validates members where they are; what is to be told of each."""
    models = [run.member.task.model for run in runs]
    kept = [kept_params(run.member.task.model, run.state) for run in runs]
    passages = [run.member.passages for run in runs]
    heard = partial(validation_esrs, models, kept, passages)
    esrs, seconds = crew.first(lambda: (heard(), lap()))
    facts: list[Mapping[str, Any]] = []
    for run, params, esr in zip(runs, kept, esrs, strict=True):
        run.progress = validated(run.progress, esr, seconds)
        if run.progress.best_step == run.progress.step:
            run.best = params
        facts.append({"validation_esr": esr, "best_esr": run.progress.best_esr})
    return facts


def saving(run: Running, esr: float | None = None) -> Callable[[], None]:
    """Writes a member's checkpoint when called, as the member is now.

    The numbers are copied at once, because the next compiled call overwrites them.
    """
    return partial(
        run.member.checkpoints.save,
        fetched(run.state),
        dataclasses.asdict(run.progress),
        run.member.task.model,
        run.member.target_gain,
        esr,
    )


def finish(late: list[Callable[[], None]]) -> None:
    """Does what could wait, once."""
    while late:
        late.pop(0)()


def outcome(run: Running) -> Outcome:
    """How a member ended."""
    assert run.reason is not None
    params = run.best
    if params is None:
        params = kept_params(run.member.task.model, run.state)
    return Outcome(run.reason, run.progress, params, run.state)


def ended(plan: Plan, progress: Progress, interrupted: bool) -> str | None:
    """Why to stop now, or None."""
    best = progress.best_esr
    if progress.step >= plan.steps:
        return "steps"
    if interrupted:
        return "interrupted"
    if plan.minutes is not None and progress.seconds >= 60 * plan.minutes:
        return "minutes"
    wanted = plan.threshold_esr
    if wanted is not None and best is not None and best <= wanted:
        return "threshold"
    if plan.patience is not None and progress.stale >= plan.patience:
        return "patience"
    return None


def due(plan: Plan, progress: Progress) -> bool:
    """Whether this step is validated: at fixed steps, at the end, out of time."""
    out_of_time = plan.minutes is not None and progress.seconds >= 60 * plan.minutes
    return (
        progress.step % plan.validate_every == 0
        or progress.step >= plan.steps
        or out_of_time
    )


def call_length(
    plan: Plan, step: int, pace: float | None, together: int | None = None
) -> int:
    """Steps of the next call: never past a validation, never very long.

    Args:
        pace: Seconds a step, where known.
        together: The step at which others join.
    """
    wanted = FIRST_CALLS if pace is None else max(1, int(SECONDS_PER_CALL / pace))
    to_validation = plan.validate_every - step % plan.validate_every
    left = min(plan.steps, plan.steps if together is None else together) - step
    return min(wanted, to_validation, left, STEPS_PER_CALL)


def validated(progress: Progress, esr: float, seconds: float) -> Progress:
    """The progress after a validation."""
    best = progress.best_esr
    better = best is None or math.isnan(best) or esr < best
    return dataclasses.replace(
        progress,
        seconds=progress.seconds + seconds,
        validated=progress.step,
        best_esr=esr if better else best,
        best_step=progress.step if better else progress.best_step,
        stale=0 if better else progress.stale + 1,
    )


def remembered_best(
    member: Member, like: TrainState, progress: Progress
) -> tuple[Params | None, Progress]:
    """The best parameters of the run so far, from their checkpoint.

    Where a damaged checkpoint was discarded, the best before it may be gone too,
    because the better one had replaced it: then the next validation is the best.
    """
    if progress.best_step is None:
        return None, progress
    kept = member.checkpoints
    if isinstance(kept, Unwritten) or progress.best_step not in kept.steps():
        return None, dataclasses.replace(progress, best_esr=None, best_step=None)
    best = kept.restore(progress.best_step, like)
    return kept_params(member.task.model, best), progress
