"""How far a run is, and what that asks for: a call, a validation, an end.

Nothing here computes or keeps anything; a plan and a progress decide.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from jaxamp.train.step import STEPS_PER_CALL

SECONDS_PER_CALL = 4.0
"""About how long a compiled call lasts, so that the bar moves and Ctrl-C is heard."""

FIRST_CALLS = 1
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


def due(plan: Plan, progress: Progress) -> bool:
    """Whether this step is validated: at fixed steps, at the end, out of time."""
    out_of_time = plan.minutes is not None and progress.seconds >= 60 * plan.minutes
    return (
        progress.step % plan.validate_every == 0
        or progress.step >= plan.steps
        or out_of_time
    )


def owes(plan: Plan, progress: Progress) -> bool:
    """Whether a validation was due where it stopped, and not made."""
    made = progress.validated == progress.step
    return progress.step > 0 and not made and due(plan, progress)


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
