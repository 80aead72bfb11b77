"""One job: prepare, train, complete. Complete on its own."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.cli.complete import completed
from jaxamp.cli.folder import held
from jaxamp.cli.init import told
from jaxamp.cli.main import complain
from jaxamp.cli.prepare import Part, Prepared, begin, noticed, prepared, recorded
from jaxamp.cli.processes import part
from jaxamp.cli.stopping import interruptible, watched
from jaxamp.core import RunError
from jaxamp.core.processes import ALONE, Crew
from jaxamp.core.shown import paragraph
from jaxamp.train import (
    Advance,
    Checkpoints,
    LearningRates,
    Member,
    Outcome,
    RunLog,
    Screen,
    Unwritten,
    compiled_ahead,
    described,
    fit,
    like_start,
    take_up,
)
from jaxamp.train.resume import Found


def run_job(
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    folder: Path,
    crew: Crew = ALONE,
) -> tuple[dict[str, Any], bool]:
    """Trains what the configuration describes in `folder`.

    Args:
        crew: The processes that train it together. The first has the folder: it holds
            it for all and writes its files.

    Returns:
        The content of `result.json`, and whether a signal asked to stop.
    """
    job = prepared(config, choices, folder, recorded(config))
    refuse_unlike(crew, job)
    with ExitStack() as stack:
        stack.enter_context(watched())

        def enter() -> None:
            stack.enter_context(held(folder))
            begin(job)

        crew.by_first(enter)
        if crew.leads:
            tell_before(job)
        try:
            outcomes, stopped = trained(job.parts, crew=crew)
        except BaseException as error:
            if crew.count > 1:
                part(crew, error)  # the others are in the middle of a step
            raise
        return crew.by_first(lambda: completed(job, outcomes)), stopped


def refuse_unlike(crew: Crew, job: Prepared) -> None:
    """Raises where processes of one run were given different things to learn.

    Audio need not be alike to the last bit: unlike machines render it, and each device
    learns from its own machine's.
    """
    train = job.recording.train
    heard = [[one.target.size, one.controls.tolist()] for one in train]
    text = json.dumps([job.config, heard], sort_keys=True)
    loud = [float(np.std(audio)) for one in train for audio in (one.input, one.target)]
    (first, levels), *others = crew.gathered((text, loud))
    odd = [
        str(i + 1)
        for i, (other, its) in enumerate(others)
        if other != first or not np.allclose(its, levels, rtol=1e-3)
    ]
    if odd:
        raise RunError(
            f"Of the processes of this run, {', '.join(odd)} read other recordings or "
            "another configuration than process 0. Give all the same command, and the "
            "same files."
        )


def tell_before(job: Prepared) -> None:
    """What is to be known before the first step."""
    for text in noticed(job):
        warn(text)
    if said := described(job.parts[0].job.task.mesh):
        print(said, flush=True)


def trained(
    parts: Sequence[Part],
    advance: Advance | None = None,
    crew: Crew = ALONE,
    *,
    jointly: bool = True,
) -> tuple[tuple[Outcome, ...], bool]:
    """Trains side by side, each from its newest checkpoint if there is one.

    Args:
        advance: As for `fit`; None for side by side.
        crew: The processes that stop together when one is asked to.
        jointly: Whether they train these parts together, or each its own.

    Returns:
        How each ended, and whether a signal asked to stop, be it too late for that.
    """
    jobs = [part.job for part in parts]
    plans = [job.plan for job in jobs]
    steps = max(plan.steps for plan in plans)
    likes = {job.task: like_start(job.task, job.dataset.batch) for job in jobs}
    team = crew if jointly else ALONE
    with ExitStack() as stack:
        found: list[Found] = [None for _ in parts]
        folders: list[Checkpoints | Unwritten] = [Unwritten() for _ in parts]

        def take() -> None:
            kept = [Checkpoints(part.folder / "checkpoints") for part in parts]
            for checkpoints in kept:
                stack.callback(checkpoints.close)
            shapes = [likes[job.task] for job in jobs]
            found[:] = take_up(kept, shapes, plans, warn)
            folders[:] = kept
            say_beginnings(parts, [one is None for one in found])

        team.by_first(take)
        made = [one[1].step if one else 0 for one in found]
        members = []
        for part, job, folder, one, step in zip(
            parts, jobs, folders, found, made, strict=True
        ):
            log = RunLog(part.folder, step) if team.leads else Unwritten()
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
        screen = Screen(steps, min(made), quiet=not team.leads)
        stack.callback(screen.close)
        if any(made):
            screen.say(f"Going on from step {min(made)} of {steps}.")
        watch = stack.enter_context(watched())
        interrupted = stack.enter_context(interruptible(crew))
        outcomes = fit(
            members,
            screen,
            advance=advance or compiled_ahead(members),
            interrupted=interrupted,
            rescue=watch.rescue,
            warn=warn if team.leads else unsaid,
            crew=team,
        )
        return outcomes, team.any(interrupted())


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


def warn(text: str) -> None:
    """One line on stderr."""
    complain(f"warning: {text}")


def unsaid(text: str) -> None:
    """Nothing, because another process says it."""
