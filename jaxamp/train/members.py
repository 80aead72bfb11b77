"""One model of a run on its way: what it learns, where it is, how it is kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxamp.core import Dataset, Params
from jaxamp.core.processes import ALONE, Crew
from jaxamp.train.checkpoint import Checkpoints
from jaxamp.train.devices import fetched
from jaxamp.train.log import RunLog, Unwritten
from jaxamp.train.progress import Plan, Progress, ended, validated
from jaxamp.train.schedules import LearningRates
from jaxamp.train.step import Task, TrainState, kept_params, start
from jaxamp.train.validate import Passage, validation_esrs


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


def beginning(member: Member) -> TrainState:
    """Its state before the first step."""
    return start(member.task, member.seed, member.dataset.batch, member.taken)


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


def outcome(run: Running) -> Outcome:
    """How a member ended."""
    assert run.reason is not None
    kept = run.state if run.best is None else run.best
    params = kept_params(run.member.task.model, kept)
    return Outcome(run.reason, run.progress, params, run.state)


def called(run: Running) -> str:
    """How a message about one of several members begins."""
    return f"{run.member.name}: " if run.member.name else ""
