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
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
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
from jaxamp.train.watch import LOST_CAUSES, STUCK_ESR, cause_of, seen, trouble

SECONDS_PER_CALL = 4.0
"""About how long a compiled call lasts, so that the bar moves and Ctrl-C is heard."""

FIRST_CALLS = 4
"""Steps of the first calls, which compile and find out how long a step takes."""

RESTART_FACTOR = 0.3
"""What the learning rate is multiplied by when a training goes back to its best."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """When to validate and when to stop."""

    steps: int
    validate_every: int
    minutes: float | None = None
    threshold_esr: float | None = None
    patience: int | None = None
    """Validations without a new best."""
    restarts: int = 0
    """How often it may go back to its best and on at a lower learning rate."""


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
    validations: int = 0
    """All of them, since the beginning or the last restart."""
    lowest_since: float | None = None
    """The lowest validation ESR since the best, the best itself not counted."""
    loss_sum: float = 0.0
    """Of the steps since the last validation, with `loss_count`."""
    loss_count: int = 0
    loss_at_best: float | None = None
    """Mean training loss of the steps before the best validation."""
    loss_before: float | None = None
    """The same of the last validation."""
    restarts: int = 0
    """How often it went back to its best."""
    warned: Sequence[Sequence[Any]] = ()
    """What was told of it: (cause, step, restarts before) (see `watch`)."""

    @property
    def rate_factor(self) -> float:
        """What its learning rate is multiplied by."""
        return RESTART_FACTOR**self.restarts


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
    about: Mapping[str, Any] | None = None
    """What the run is, JSON-able; kept with its checkpoints."""
    taken: Mapping[str, np.ndarray] | None = None
    """Parameters it begins with, by name, instead of drawing them."""
    resumed: tuple[TrainState, Progress] | None = None


@dataclasses.dataclass
class Running:
    """A member on its way."""

    member: Member
    state: TrainState
    progress: Progress
    best: TrainState | None
    """Its state at the best validation, in the host's memory."""
    reason: str | None
    """Why it stopped, or None."""

    def rates_after(self, step: int) -> np.ndarray:
        """Learning rates `[STEPS_PER_CALL]` of the steps that follow."""
        return self.member.rates.after(step) * np.float32(self.progress.rate_factor)


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


def begun(member: Member, interrupted: bool) -> Running:
    """A member where it starts, or where it was left."""
    if member.resumed is None:
        state = beginning(member)
        best, progress = None, Progress()
    else:
        best, progress = remembered_best(member, *member.resumed)
        state = member.resumed[0]
    reason = ended(member.plan, progress, interrupted)
    return Running(member, state, progress, best, reason)


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


def beginning(member: Member) -> TrainState:
    """Its state before the first step."""
    return start(member.task, member.seed, member.dataset.batch, member.taken)


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


def owes(plan: Plan, progress: Progress) -> bool:
    """Whether a validation was due where it stopped, and not made."""
    made = progress.validated == progress.step
    return progress.step > 0 and not made and due(plan, progress)


# --- when it goes wrong --------------------------------------------------------------


def went_back(run: Running, warn: Callable[[str], None], crew: Crew) -> bool:
    """Tells of a failure that says nothing by itself; whether that made it go back."""
    what = trouble(run.progress)
    if what is None:
        return False
    cause = crew.first(lambda: cause_of(what, run.progress, run.member.passages))
    told = [cause, run.progress.step, run.progress.restarts]
    run.progress = dataclasses.replace(
        run.progress, warned=[*run.progress.warned, told]
    )
    left = run.member.plan.restarts - run.progress.restarts
    if left > 0 and cause in LOST_CAUSES:
        go_back(run, LOST_CAUSES[cause], warn)
        return True
    warn(f"{called(run)}{seen(cause, run.progress)}")
    return False


def go_back(run: Running, what: str, warn: Callable[[str], None]) -> None:
    """Goes back to the best and on at a lower learning rate, or ends the run."""
    if run.progress.restarts >= run.member.plan.restarts:
        run.reason = "diverged"
        return
    failed = run.progress.step
    good = run.best is not None and (run.progress.best_esr or 0.0) <= STUCK_ESR
    run.best = run.best if good else None
    state = beginning(run.member) if run.best is None else run.best
    run.state = jax.tree.map(jnp.array, state)  # a copy: a call overwrites it
    run.progress = gone_back(run.progress, good)
    for step in run.member.checkpoints.steps():
        if step > run.progress.step:
            run.member.checkpoints.discard(step)
    save = saving(run)  # which all processes prepare together
    if run.progress.step not in run.member.checkpoints.steps():
        save()
    warn(
        f"{called(run)}At step {failed}, {what}. Going back to step "
        f"{run.progress.step} and on at {run.progress.rate_factor:.3g} of the learning "
        f"rate (restart {run.progress.restarts} of {run.member.plan.restarts})."
    )


def gone_back(progress: Progress, good: bool) -> Progress:
    """The progress as it was at the best, or at the beginning, one restart later."""
    kept = {
        "seconds": progress.seconds,
        "restarts": progress.restarts + 1,
        "warned": progress.warned,
    }
    if not good:
        return Progress(**kept)
    return Progress(
        **kept,
        step=progress.best_step or 0,
        best_esr=progress.best_esr,
        best_step=progress.best_step,
        validated=progress.best_step or 0,
        loss_at_best=progress.loss_at_best,
        validations=1,
    )


def called(run: Running) -> str:
    """How a message about one of several members begins."""
    return f"{run.member.name}: " if run.member.name else ""


# --- one call ------------------------------------------------------------------------


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


def advanced(
    run: Running, state: TrainState, losses: np.ndarray, seconds: float
) -> dict[str, Any]:
    """Moves a member on by a compiled call; what is to be told of it."""
    made = int(state.step) - run.progress.step
    total = run.progress.loss_sum
    for loss in losses[:made].tolist():
        total += loss  # one by one, whatever calls the steps were made in
    run.state = state
    run.progress = dataclasses.replace(
        run.progress,
        step=run.progress.step + made,
        seconds=run.progress.seconds + seconds,
        loss_sum=total,
        loss_count=run.progress.loss_count + made,
    )
    return {
        "loss": float(np.mean(losses[:made])) if made else None,
        "steps_per_second": made / seconds,
        "seconds": run.progress.seconds,
        "best_esr": run.progress.best_esr,
        "learning_rate": float(run.rates_after(run.progress.step)[0]),
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
    for run, esr in zip(runs, esrs, strict=True):
        run.progress = validated(run.progress, esr, seconds)
        if run.progress.best_step == run.progress.step:
            run.best = fetched(run.state)
        facts.append({"validation_esr": esr, "best_esr": run.progress.best_esr})
    return facts


def saving(run: Running) -> Callable[[], None]:
    """Writes a member's checkpoint when called, as the member is now.

    The numbers are copied at once, because the next compiled call overwrites them.
    """
    return partial(
        run.member.checkpoints.save,
        fetched(run.state),
        dataclasses.asdict(run.progress),
        run.member.task.model,
        run.member.target_gain,
        run.best,
        run.member.about,
    )


def unsaved(run: Running) -> Callable[[], None]:
    """The same, doing nothing where there is nothing to keep; for any thread."""
    save, step, checkpoints = saving(run), run.progress.step, run.member.checkpoints

    def save_once() -> None:
        with checkpoints.lock:
            if step and step not in checkpoints.steps():
                save()

    return save_once


def finish(late: list[Callable[[], None]]) -> None:
    """Does what could wait, once."""
    while late:
        late.pop(0)()


def outcome(run: Running) -> Outcome:
    """How a member ended."""
    assert run.reason is not None
    kept = run.state if run.best is None else run.best
    params = kept_params(run.member.task.model, kept)
    return Outcome(run.reason, run.progress, params, run.state)


def ended(plan: Plan, progress: Progress, interrupted: bool) -> str | None:
    """Why to stop now, or None.

    At the last step, too, a run that leaves its validation to the next start is not
    done: it would be told of as finished, and its last parameters never be heard.
    """
    best = progress.best_esr
    if interrupted and owes(plan, progress):
        return "interrupted"
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
    best, lowest = progress.best_esr, progress.lowest_since
    better = best is None or math.isnan(best) or esr < best
    loss = progress.loss_sum / max(progress.loss_count, 1)
    return dataclasses.replace(
        progress,
        seconds=progress.seconds + seconds,
        validated=progress.step,
        best_esr=esr if better else best,
        best_step=progress.step if better else progress.best_step,
        stale=0 if better else progress.stale + 1,
        validations=progress.validations + 1,
        lowest_since=None if better else min(esr, esr if lowest is None else lowest),
        loss_sum=0.0,
        loss_count=0,
        loss_at_best=loss if better else progress.loss_at_best,
        loss_before=loss,
    )


def remembered_best(
    member: Member, like: TrainState, progress: Progress
) -> tuple[TrainState | None, Progress]:
    """The best state of the run so far, from the checkpoint it goes on from.

    A checkpoint of an early version may not know it: then the next validation is the
    best.
    """
    if progress.best_step is None:
        return None, progress
    kept = member.checkpoints
    best = None if isinstance(kept, Unwritten) else kept.best(progress.step, like)
    if best is None:
        return None, dataclasses.replace(progress, best_esr=None, best_step=None)
    return jax.tree.map(np.array, best), progress
