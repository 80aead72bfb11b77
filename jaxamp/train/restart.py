"""A member that learns nothing any more goes back to its best, at a lower rate."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxamp.core.processes import Crew
from jaxamp.train.members import Running, beginning, called, saving
from jaxamp.train.progress import gone_back
from jaxamp.train.watch import LOST_CAUSES, STUCK_ESR, cause_of, seen, trouble


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
