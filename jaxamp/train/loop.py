"""The life of a run: train, validate, keep the best, stop for a stated reason.

The loop only schedules compiled calls. Where a call begins and ends does not change
a number, so a run cut anywhere and taken up again ends like one that was not cut.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Dataset, Params
from jaxamp.train.checkpoint import Checkpoints
from jaxamp.train.log import RunLog
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
    """Spent training, validation and compilation included."""
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


def fit(
    task: Task,
    dataset: Dataset,
    passages: Sequence[Passage],
    plan: Plan,
    checkpoints: Checkpoints,
    log: RunLog,
    *,
    seed: int,
    batch: int,
    target_gain: float,
    resumed: tuple[TrainState, Progress] | None = None,
    learning_rate: Callable[[int], float] = lambda step: float("nan"),
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains until the plan says stop, and gives back the best parameters."""
    state, progress = resumed or (start(task, seed, batch), Progress())
    best, progress = remembered_best(checkpoints, state, progress)
    pace, calls, reason = None, 0, ended(plan, progress, interrupted())
    while reason is None:
        steps = call_length(plan, progress, pace)
        log.lap()
        state, losses, healthy = train_steps(task, state, dataset, jnp.int32(steps))
        made = int(state.step) - progress.step
        seconds = log.lap()
        calls += 1
        pace = seconds / max(made, 1) if calls > 1 else None  # the first call compiles
        progress = dataclasses.replace(
            progress, step=progress.step + made, seconds=progress.seconds + seconds
        )
        facts = {
            "loss": float(np.mean(np.asarray(losses)[:made])) if made else None,
            "learning_rate": learning_rate(progress.step),
            "steps_per_second": made / seconds,
            "seconds": progress.seconds,
            "best_esr": progress.best_esr,
        }
        if not bool(healthy):
            reason = "diverged"
            break
        if due(plan, progress):
            params = kept_params(state)
            esr = validation_esr(task.model, params, passages)
            progress = validated(progress, esr, log.lap())
            if progress.best_step == progress.step:
                best = jax.tree.map(jnp.copy, params)
            remembered = dataclasses.asdict(progress)
            checkpoints.save(state, remembered, task.model, target_gain, esr)
            facts |= {"validation_esr": esr, "best_esr": progress.best_esr}
        log.report(progress.step, facts)
        reason = ended(plan, progress, interrupted())
    if progress.step not in checkpoints.steps():
        checkpoints.save(state, dataclasses.asdict(progress), task.model, target_gain)
    params = kept_params(state) if best is None else best
    return Outcome(reason, progress, params, state)


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


def call_length(plan: Plan, progress: Progress, pace: float | None) -> int:
    """Steps of the next call: never past a validation, never very long."""
    wanted = FIRST_CALLS if pace is None else max(1, int(SECONDS_PER_CALL / pace))
    to_validation = plan.validate_every - progress.step % plan.validate_every
    left = plan.steps - progress.step
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
    checkpoints: Checkpoints, like: TrainState, progress: Progress
) -> tuple[Params | None, Progress]:
    """The best parameters of the run so far, from their checkpoint.

    Where a damaged checkpoint was discarded, the best before it may be gone too,
    because the better one had replaced it: then the next validation is the best.
    """
    if progress.best_step is None:
        return None, progress
    if progress.best_step not in checkpoints.steps():
        return None, dataclasses.replace(progress, best_esr=None, best_step=None)
    return kept_params(checkpoints.restore(progress.best_step, like)), progress
