"""The life of a run: train, validate, keep the best, stop for a stated reason.

A run has one member or several, which learn side by side from the same windows; each
has its own best and its own end, and the others go on without it. The loop only
schedules compiled calls. Where a call begins and ends, and who takes part in it, does
not change a number, so a run cut anywhere and taken up again ends like one that was
not cut.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Dataset, Params
from jaxamp.train.checkpoint import Checkpoints
from jaxamp.train.log import RunLog, Screen
from jaxamp.train.schedules import LearningRates
from jaxamp.train.step import (
    STEPS_PER_CALL,
    Task,
    TrainState,
    kept_params,
    start,
    train_steps,
)
from jaxamp.train.validate import Passage, validation_esr

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
    passages: Sequence[Passage]
    checkpoints: Checkpoints
    log: RunLog
    name: str = ""
    """What it is called on the screen, where there are several."""
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


def fit(
    members: Sequence[Member],
    dataset: Dataset,
    plan: Plan,
    screen: Screen,
    *,
    seed: int,
    batch: int,
    target_gain: float,
    learning_rate: Callable[[Any], Any],
    interrupted: Callable[[], bool] = lambda: False,
) -> tuple[Outcome, ...]:
    """Trains until the plan says stop, and gives back each member's best parameters.

    Args:
        learning_rate: The schedule: step -> rate, also of several steps at once.
    """
    stop = interrupted()
    runs = [begun(one, plan, seed, batch, stop) for one in members]
    rates, pace, before, late = LearningRates(learning_rate), None, None, []
    while turn := behind(runs):
        step, tasks = turn[0].progress.step, tuple(run.member.task for run in turn)
        pace = pace if tasks == before else None
        length = call_length(plan, step, pace, ahead(runs, step))
        screen.lap()
        states, losses, healthy = train_steps(
            tasks,
            tuple(run.state for run in turn),
            dataset,
            rates.after(step),
            jnp.int32(length),
        )
        finish(late)  # while the device is busy
        losses, healthy = np.asarray(losses), np.asarray(healthy)  # waits
        seconds = screen.lap()
        pace = seconds / length if tasks == before else None  # its first call compiles
        before, news = tasks, {}
        for run, state, row, fine in zip(turn, states, losses, healthy, strict=True):
            facts = advanced(run, state, row, seconds)
            facts["learning_rate"] = float(rates.after(run.progress.step)[0])
            if not fine:
                run.reason = "diverged"
                continue
            if due(plan, run.progress):
                facts |= judged(run, screen.lap)
                late.append(saving(run, target_gain, facts["validation_esr"]))
            run.member.log.write(run.progress.step, facts)
            news[run.member.name] = facts
        if news:
            screen.report(step + length, news)
        stop = interrupted()
        for run in turn:
            run.reason = run.reason or ended(plan, run.progress, stop)
    finish(late)
    for run in runs:
        if run.progress.step not in run.member.checkpoints.steps():
            saving(run, target_gain)()
    return tuple(outcome(run) for run in runs)


def begun(
    member: Member, plan: Plan, seed: int, batch: int, interrupted: bool
) -> Running:
    """A member where it starts, or where it was left."""
    state, progress = member.resumed or (start(member.task, seed, batch), Progress())
    best, progress = remembered_best(member, state, progress)
    return Running(member, state, progress, best, ended(plan, progress, interrupted))


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
    }


def judged(run: Running, lap: Callable[[], float]) -> dict[str, Any]:
    """Validates a member where it is; what is to be told of it."""
    params = kept_params(run.member.task.model, run.state)
    esr = validation_esr(run.member.task.model, params, run.member.passages)
    run.progress = validated(run.progress, esr, lap())
    if run.progress.best_step == run.progress.step:
        run.best = params
    return {"validation_esr": esr, "best_esr": run.progress.best_esr}


def saving(
    run: Running, target_gain: float, esr: float | None = None
) -> Callable[[], None]:
    """Writes a member's checkpoint when called, as the member is now.

    The numbers are copied at once, because the next compiled call overwrites them.
    """
    return partial(
        run.member.checkpoints.save,
        jax.tree.map(np.array, run.state),
        dataclasses.asdict(run.progress),
        run.member.task.model,
        target_gain,
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
    left = (plan.steps if together is None else together) - step
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
    if progress.best_step not in member.checkpoints.steps():
        return None, dataclasses.replace(progress, best_esr=None, best_step=None)
    best = member.checkpoints.restore(progress.best_step, like)
    return kept_params(member.task.model, best), progress
