"""One job: read, train, evaluate, export, write down. Complete on its own."""

import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxamp.cli.assemble import Job, assembled
from jaxamp.cli.config import build, refuse_unknown
from jaxamp.cli.folder import asked, claim, held, write_json
from jaxamp.cli.labels import labels, loudness_input, words
from jaxamp.core import (
    Capture,
    ConfigError,
    FormatError,
    Model,
    Params,
    Recording,
    RunError,
    parameter_count,
)
from jaxamp.evaluate import aliased, evaluate, trimmed
from jaxamp.formats.nam import write_container, write_nam
from jaxamp.models import Container, scale_output
from jaxamp.report import first_look
from jaxamp.stream import play, realtime_factor
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
    read_lines,
    side_by_side,
    start,
    take_up,
)

PICTURE_SECONDS = 20
"""How much of the validation passage the first look draws."""

REASONS = {
    "steps": "All steps are done.",
    "minutes": "The time is up.",
    "threshold": "The wanted ESR is reached.",
    "patience": "Validation has not improved for as long as the patience lasts.",
    "interrupted": "Interrupted; start it again in the same folder to go on.",
}

GROUPS = ("seed", "data", "model", "loss", "optimizer", "schedule", "train", "export")


@dataclasses.dataclass(frozen=True)
class Part:
    """One model that a run trains, and where it is left."""

    job: Job
    name: str
    """What it is called in its result, for example wavenet/a2/lite."""
    folder: Path
    size: str = ""
    """Its name among the sizes of a container."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A job of which all that was given is checked, and nothing written yet."""

    config: Mapping[str, Any]
    name: str
    """What the model is called, for example wavenet/nano."""
    folder: Path
    recording: Recording
    model: Model | Container
    parts: tuple[Part, ...]
    """One, or the sizes of a container."""


def run_job(
    config: Mapping[str, Any], name: str, folder: Path
) -> tuple[dict[str, Any], bool]:
    """Trains what the configuration describes in `folder`.

    Returns:
        The content of `result.json`, and whether a signal asked to stop.
    """
    job = prepared(config, name, folder, recorded(config))
    with held(folder):
        begin(job)
        for text in noticed(job):
            warn(text)
        outcomes, stopped = trained(job.parts)
        return completed(job, outcomes), stopped


def recorded(config: Mapping[str, Any]) -> Recording:
    """The recordings that a configuration names, read and aligned."""
    refuse_unknown(config, GROUPS, "the configuration")
    return build(config["data"], "data")


def prepared(
    config: Mapping[str, Any], name: str, folder: Path, recording: Recording
) -> Prepared:
    """The job, checked before anything is written."""
    rate = recording.sample_rate
    model = build(config["model"], "model", sample_rate=rate)
    models = [s.model for s in model.sizes] if isinstance(model, Container) else [model]
    words(config["export"])
    loudness_input(config["export"].get("loudness_input"), rate)
    jobs = assembled(config, models, recording)
    if recording.target_gain != 1.0:
        for one in models:
            refuse_unscalable(one)
    parts = [Part(jobs[0], name, folder)]
    if isinstance(model, Container):
        parts = [
            Part(job, f"{name}/{size.name}", folder / size.name, size.name)
            for size, job in zip(model.sizes, jobs, strict=True)
        ]
    return Prepared(config, name, folder, recording, model, tuple(parts))


def begin(job: Prepared) -> None:
    """Makes the job's folder its own."""
    claim(job.folder, job.config, job.recording.findings)
    if isinstance(job.model, Container):
        limits = {size.name: size.max_value for size in job.model.sizes}
        write_json(job.folder / "sizes.json", limits)
    for part in job.parts:
        part.folder.mkdir(exist_ok=True)


def noticed(job: Prepared) -> Sequence[str]:
    """What is odd about the recordings."""
    return job.recording.findings.get("warnings", ())


def completed(job: Prepared, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Completes the job's folder once its parts are trained; returns `result.json`."""
    if isinstance(job.model, Container):
        return sizes_completed(job, outcomes, job.model)
    return left(job.config, job.parts[0], outcomes[0], job.recording)[0]


def sizes_completed(
    job: Prepared, outcomes: Sequence[Outcome], model: Container
) -> dict[str, Any]:
    """Completes the folder of each size, and writes all as one file."""
    config, recording, folder = job.config, job.recording, job.folder
    results, kept, failures = [], [], []
    for part, outcome in zip(job.parts, outcomes, strict=True):
        try:
            result, one = left(config, part, outcome, recording)
        except RunError as error:
            failures.append(str(error))
        else:
            results.append(result)
            kept.append(one)
    if failures:
        raise RunError(" ".join(failures))
    limits = [size.max_value for size in model.sizes]
    largest, params = kept[-1]
    metadata = exported(config, largest, params, results[-1]["esr"], recording)
    sizes = [(limit, *one) for limit, one in zip(limits, kept, strict=True)]
    write_container(folder / "model.nam", sizes, metadata)
    write_json(folder / "metadata.json", metadata)
    cut = [one for one in results if one["train"]["stopped"] == "interrupted"]
    result = {**results[-1], "model": job.name, "sizes": results}
    result["train"] = (cut or results)[-1]["train"]  # not done before all sizes are
    write_json(folder / "result.json", result)
    return result


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
                    resumed=one,
                )
            )
        screen = Screen(steps, min(made))
        stack.callback(screen.close)
        if any(made):
            screen.say(f"Going on from step {min(made)} of {steps}.")
        interrupted = stack.enter_context(interruptible())
        outcomes = fit(members, screen, advance=advance, interrupted=interrupted)
        return outcomes, interrupted()


def like(job: Job) -> TrainState:
    """The structure of a job's training state."""
    batch = job.dataset.batch
    return jax.eval_shape(lambda: start(job.task, job.seed, batch))


def left(
    config: Mapping[str, Any], part: Part, outcome: Outcome, recording: Recording
) -> tuple[dict[str, Any], tuple[Model, Params]]:
    """Completes the run directory of a model that was trained."""
    job, folder, of_size = part.job, part.folder, f" of {part.size}" * bool(part.size)
    if outcome.reason == "diverged":
        raise RunError(
            f"The loss{of_size} or its gradient stopped being finite at step "
            f"{outcome.progress.step + 1}. The parameters from before it are kept in "
            f"{str(folder)!r}. Start anew in another folder with a lower "
            "optimizer.learning_rate, or with train.clip_norm=1."
        )
    model, params = scale_output(
        job.task.model, outcome.params, 1 / recording.target_gain
    )
    captures = [as_recorded(one, recording) for one in recording.validation]
    metrics = evaluate(model, params, captures) | aliased(model, params)
    metadata = exported(config, model, params, metrics["esr"], recording)
    write_json(folder / "metadata.json", metadata)
    try:
        write_nam(folder / "model.nam", model, params, metadata)
    except FormatError as error:
        print(f"No model.nam: {error}", flush=True)
    result = summary(job, outcome, part.name, model, params, metrics)
    draw(folder, part.name, model, params, captures, result)
    write_json(folder / "result.json", result)  # last: it says that all is there
    size = f"Size {part.size}: " if part.size else ""
    print(
        f"{size}{REASONS[outcome.reason]} Validation ESR {result['esr']:.5f} (best at "
        f"step {outcome.progress.best_step}). Kept in {folder}",
        flush=True,
    )
    return result, (model, params)


def warn(text: str) -> None:
    """One line on stderr."""
    print(f"jaxamp: warning: {text}", file=sys.stderr)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C or SIGTERM into a question the loop asks.

    The second Ctrl-C interrupts at once.
    """
    heard: list[int] = []

    def note(number: int, frame: Any) -> None:
        del frame
        if heard and number == signal.SIGINT:
            raise KeyboardInterrupt
        heard.append(number)
        print("Stopping after this call …", file=sys.stderr, flush=True)

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, note) for number in numbers]
    except ValueError:  # not the main thread: someone else handles signals
        yield lambda: False
        return
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def as_recorded(capture: Capture, recording: Recording) -> Capture:
    """The capture with the target's normalisation undone."""
    target = (capture.target / recording.target_gain).astype(np.float32)
    return Capture(capture.input, target, capture.context, capture.name)


def refuse_unscalable(model: Model) -> None:
    """Raises before training if normalisation could not be undone afterwards."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    try:
        scale_output(
            model, jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes), 2.0
        )
    except ConfigError as error:
        raise ConfigError(f"data.normalize_dbfs cannot be used: {error}") from error


def exported(
    config: Mapping[str, Any],
    model: Model,
    params: Params,
    esr: float,
    recording: Recording,
) -> dict[str, Any]:
    """What the exported file says of itself."""
    return labels(
        config["export"],
        model,
        params,
        esr=esr,
        findings=recording.findings,
        ignore_checks=config["data"].get("ignore_checks") or (),
    )


def summary(
    job: Job,
    outcome: Outcome,
    name: str,
    model: Model,
    params: Params,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """The content of `result.json`."""
    progress = outcome.progress
    heard = progress.step * job.samples_per_step
    return {
        "architecture": model.architecture,
        "model": name,
        "hyperparameters": dict(model.hyperparameters),
        "seed": job.seed,
        "parameters": parameter_count(params),
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
        "sample_rate": model.sample_rate,
        "esr": metrics["esr"],
        "metrics": dict(metrics),
        "realtime_factor": realtime_factor(model, params),
        "train": {
            "steps": progress.step,
            "best_step": progress.best_step,
            "stopped": outcome.reason,
            "asked": asked(dataclasses.asdict(job.plan)),
            "seconds": progress.seconds,
            "samples_per_second": heard / max(progress.seconds, 1e-9),
        },
        "device": jax.devices()[0].device_kind,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What the result was made with."""
    from importlib.metadata import version  # noqa: PLC0415

    packages = ("jaxamp", "jax", "jaxlib", "flax", "optax", "numpy")
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {name: version(name) for name in packages}


def draw(
    folder: Path,
    name: str,
    model: Model,
    params: Params,
    captures: list[Capture],
    result: Mapping[str, Any],
) -> None:
    """The first look at the run, as a picture."""
    capture = captures[-1]
    size = min(capture.target.size, PICTURE_SECONDS * model.sample_rate)
    heard = np.concatenate([capture.context, capture.input[:size]])
    played = play(model, params, [heard[None, None]])
    first_look(
        folder / "first_look.png",
        title=f"{name}: validation ESR {result['esr']:.4f}",
        prediction=np.concatenate(list(trimmed(played, capture.context.size))),
        target=capture.target[:size],
        sample_rate=model.sample_rate,
        history=read_lines(folder / "metrics.jsonl"),
    )
