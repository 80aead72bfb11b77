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

from jaxamp.cli.assemble import Job, side_by_side
from jaxamp.cli.config import build, refuse_unknown
from jaxamp.cli.folder import claim, write_json
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
    Checkpoints,
    Member,
    Outcome,
    RunLog,
    Screen,
    fit,
    read_lines,
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


def run_job(config: Mapping[str, Any], name: str, folder: Path) -> dict[str, Any]:
    """Trains what the configuration describes in `folder`; returns `result.json`.

    Everything the user gave is checked before anything is written.

    Args:
        name: What the model is called, for example wavenet/nano.
    """
    refuse_unknown(config, GROUPS, "the configuration")
    recording = build(config["data"], "data")
    rate = recording.sample_rate
    model = build(config["model"], "model", sample_rate=rate)
    models = [s.model for s in model.sizes] if isinstance(model, Container) else [model]
    words(config["export"])
    loudness_input(config["export"].get("loudness_input"), rate)
    jobs = side_by_side(config, models, recording)
    if recording.target_gain != 1.0:
        for one in models:
            refuse_unscalable(one)
    claim(folder, config, recording.findings)
    for text in recording.findings.get("warnings", ()):
        warn(text)
    if isinstance(model, Container):
        return train_sizes(config, jobs, recording, name, folder, model)
    part = Part(jobs[0], name, folder)
    (outcome,) = trained([part], recording)
    return left(config, part, outcome, recording)[0]


def train_sizes(
    config: Mapping[str, Any],
    jobs: Sequence[Job],
    recording: Recording,
    name: str,
    folder: Path,
    model: Container,
) -> dict[str, Any]:
    """Trains all sizes side by side, and writes them as one file."""
    write_json(folder / "sizes.json", {s.name: s.max_value for s in model.sizes})
    parts = [
        Part(job, f"{name}/{size.name}", folder / size.name, size.name)
        for size, job in zip(model.sizes, jobs, strict=True)
    ]
    for part in parts:
        part.folder.mkdir(exist_ok=True)
    outcomes = trained(parts, recording)
    results, kept, failures = [], [], []
    for part, outcome in zip(parts, outcomes, strict=True):
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
    result = {**results[-1], "model": name, "sizes": results}
    write_json(folder / "result.json", result)
    return result


def trained(parts: Sequence[Part], recording: Recording) -> tuple[Outcome, ...]:
    """Trains side by side, each from its newest checkpoint if there is one."""
    first = parts[0].job
    batch, steps = first.dataset.batch, first.plan.steps
    with ExitStack() as stack:
        folders = [Checkpoints(part.folder / "checkpoints") for part in parts]
        for checkpoints in folders:
            stack.callback(checkpoints.close)
        likes = [
            jax.eval_shape(lambda job=part.job: start(job.task, job.seed, batch))
            for part in parts
        ]
        found = take_up(folders, likes, first.plan, warn)
        made = [one[1].step if one else 0 for one in found]
        members = []
        for i, part in enumerate(parts):
            log = RunLog(part.folder, made[i])
            stack.callback(log.close)
            passages, task = part.job.passages, part.job.task
            members.append(Member(task, passages, folders[i], log, part.size, found[i]))
        screen = Screen(steps, min(made))
        stack.callback(screen.close)
        if any(made):
            screen.say(f"Going on from step {min(made)} of {steps}.")
        interrupted = stack.enter_context(interruptible())
        return fit(
            members,
            first.dataset,
            first.plan,
            screen,
            seed=first.seed,
            batch=batch,
            target_gain=recording.target_gain,
            learning_rate=first.learning_rate,
            interrupted=interrupted,
        )


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
    write_json(folder / "result.json", result)
    draw(folder, part.name, model, params, captures, result)
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
