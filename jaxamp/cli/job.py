"""One job: prepare, train, complete. Complete on its own."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax

from jaxamp.cli.assemble import Job
from jaxamp.cli.complete import completed
from jaxamp.cli.folder import held
from jaxamp.cli.init import told
from jaxamp.cli.main import complain
from jaxamp.cli.prepare import Part, begin, noticed, prepared, recorded
from jaxamp.cli.stopping import interruptible, watched
from jaxamp.core.shown import paragraph
from jaxamp.train import (
    Advance,
    Checkpoints,
    LearningRates,
    Member,
    Outcome,
    RunLog,
    Screen,
    TrainState,
    fit,
    side_by_side,
    start,
    take_up,
)


def run_job(
    config: Mapping[str, Any], choices: Mapping[str, str], folder: Path
) -> tuple[dict[str, Any], bool]:
    """Trains what the configuration describes in `folder`.

    Returns:
        The content of `result.json`, and whether a signal asked to stop.
    """
    job = prepared(config, choices, folder, recorded(config))
    with watched(), held(folder):
        begin(job)
        for text in noticed(job):
            warn(text)
        outcomes, stopped = trained(job.parts)
        return completed(job, outcomes), stopped


def trained(
    parts: Sequence[Part], advance: Advance = side_by_side
) -> tuple[tuple[Outcome, ...], bool]:
    """Trains side by side, each from its newest checkpoint if there is one.

    Args:
        advance: As for `fit`.

    Returns:
        How each ended, and whether a signal asked to stop, be it too late for that.
    """
    jobs = [part.job for part in parts]
    plans = [job.plan for job in jobs]
    steps = max(plan.steps for plan in plans)
    likes = {job.task: like(job) for job in jobs}
    with ExitStack() as stack:
        folders = [Checkpoints(part.folder / "checkpoints") for part in parts]
        for checkpoints in folders:
            stack.callback(checkpoints.close)
        found = take_up(folders, [likes[job.task] for job in jobs], plans, warn)
        made = [one[1].step if one else 0 for one in found]
        say_beginnings(parts, [one is None for one in found])
        members = []
        for part, job, folder, one, step in zip(
            parts, jobs, folders, found, made, strict=True
        ):
            log = RunLog(part.folder, step)
            stack.callback(log.close)
            members.append(
                Member(
                    task=job.task,
                    dataset=job.dataset,
                    passages=job.passages,
                    plan=job.plan,
                    seed=job.seed,
                    rates=LearningRates(job.learning_rate),
                    checkpoints=folder,
                    log=log,
                    name=part.size,
                    weights=job.weights,
                    target_gain=job.target_gain,
                    taken=job.init.taken if job.init else None,
                    about=part.about,
                    resumed=one,
                )
            )
        screen = Screen(steps, min(made))
        stack.callback(screen.close)
        if any(made):
            screen.say(f"Going on from step {min(made)} of {steps}.")
        watch = stack.enter_context(watched())
        interrupted = stack.enter_context(interruptible())
        outcomes = fit(
            members,
            screen,
            advance=advance,
            interrupted=interrupted,
            rescue=watch.rescue,
            warn=warn,
        )
        return outcomes, interrupted()


def say_beginnings(parts: Sequence[Part], begins: Sequence[bool]) -> None:
    """Says once what runs begin with that do not draw all their parameters."""
    said = [
        told(part.job.init, new, part.size)
        for part, new in zip(parts, begins, strict=True)
    ]
    for text, odd in dict.fromkeys(said):
        if odd:
            warn(text)
        elif text:
            print(paragraph(text), flush=True)


def like(job: Job) -> TrainState:
    """The structure of a job's training state."""
    batch = job.dataset.batch
    return jax.eval_shape(lambda: start(job.task, job.seed, batch))


def warn(text: str) -> None:
    """One line on stderr."""
    complain(f"warning: {text}")
