"""What a trained job leaves: measurements, exports, a picture, `result.json` last."""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxamp.cli.folder import asked, write_json
from jaxamp.cli.knobs import labelled_setting
from jaxamp.cli.labels import labels
from jaxamp.cli.prepare import Part, Prepared
from jaxamp.cli.scored import Scored, scored
from jaxamp.core import (
    FormatError,
    Model,
    Params,
    Recording,
    RunError,
    cloud,
    knob_settings,
    parameter_count,
)
from jaxamp.core.shown import paragraph
from jaxamp.evaluate import aliased, trimmed
from jaxamp.formats.nam import write_container, write_nam
from jaxamp.models import Container, bake, scale_output
from jaxamp.report import first_look, show_on_board
from jaxamp.stream import play, realtime_factor
from jaxamp.train import Outcome, read_lines

PICTURE_SECONDS = 20
"""How much of the validation passage the first look draws."""

BOARD_SECONDS = 5
"""How much of it TensorBoard plays."""

REASONS = {
    "steps": "All steps are done.",
    "minutes": "The time is up.",
    "threshold": "The wanted ESR is reached.",
    "patience": "Validation has not improved for as long as the patience lasts.",
    "interrupted": "Interrupted; start it again in the same folder to go on.",
}


def completed(job: Prepared, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Completes the job's folder once its parts are trained; returns `result.json`."""
    if isinstance(job.model, Container):
        return sizes_completed(job, outcomes, job.model)
    return completed_part(job, job.parts[0], outcomes[0])[0]


def sizes_completed(
    job: Prepared, outcomes: Sequence[Outcome], model: Container
) -> dict[str, Any]:
    """Completes the folder of each size, and writes all as one file."""
    config, recording, folder = job.config, job.recording, job.folder
    results, kept, failures = [], [], []
    for part, outcome in zip(job.parts, outcomes, strict=True):
        try:
            result, one = completed_part(job, part, outcome)
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
    sizes = [(limit, *bake(*one)) for limit, one in zip(limits, kept, strict=True)]
    write_container(folder / "model.nam", sizes, in_the_middle(largest, metadata))
    write_json(folder / "metadata.json", metadata)
    cut = [one for one in results if one["train"]["stopped"] == "interrupted"]
    result = {**results[-1], "model": job.name, "sizes": results}
    result["train"] = (cut or results)[-1]["train"]  # not done before all sizes are
    write_json(folder / "result.json", result)
    return result


def completed_part(
    whole: Prepared, part: Part, outcome: Outcome
) -> tuple[dict[str, Any], tuple[Model, Params]]:
    """Completes the run directory of a model that was trained."""
    config, recording = whole.config, whole.recording
    job, folder, of_size = part.job, part.folder, f" of {part.size}" * bool(part.size)
    if outcome.reason == "diverged":
        tried = outcome.progress.restarts
        again = f", and {tried} restarts at lower rates did not help" * (tried > 0)
        or_so = ", or this run again with train.restarts=3" * (tried == 0)
        raise RunError(
            f"The loss{of_size} or its gradient stopped being finite at step "
            f"{outcome.progress.step + 1}{again}. The parameters from before it are "
            f"kept in {str(folder)!r}. Start anew in another folder with a lower "
            f"optimizer.learning_rate or with train.clip_norm=1{or_so}."
        )
    model, params = scale_output(
        job.task.model, outcome.params, 1 / recording.target_gain
    )
    scores = scored(model, params, recording)
    metrics = dict(scores.metrics) | aliased(model, params)
    metadata = exported(config, model, params, metrics["esr"], recording)
    write_json(folder / "metadata.json", metadata)
    try:
        plain = bake(model, params)
        write_nam(folder / "model.nam", *plain, in_the_middle(model, metadata))
    except FormatError as error:
        print(paragraph(f"No model.nam: {error}"), flush=True)
    result = summary(whole, part, outcome, model, params, metrics) | scores.record()
    shown(part, model, params, scores, result, hyperparameters(whole, part))
    write_json(folder / "result.json", result)  # last: it says that all is there
    size = f"Size {part.size}: " if part.size else ""
    told = (
        f"{size}{REASONS[outcome.reason]} Validation ESR {result['esr']:.5f} (best at "
        f"step {outcome.progress.best_step}){scores.told()}. Kept in "
        f"{cloud.named(folder)}"
    )
    print(paragraph(told), flush=True)
    return result, (model, params)


def in_the_middle(model: Model, metadata: dict[str, Any]) -> dict[str, Any]:
    """What model.nam says, which has no knobs: they are baked in in the middle."""
    settings = knob_settings(model, {})
    if settings is None:
        return metadata
    said, setting = labelled_setting(metadata, model, settings)
    text = (
        f"model.nam has no knobs; they are baked in at {setting}. Another setting: "
        f"jaxamp export RUN OUT.nam --knob {model.controls[0]}=0.7"
    )
    print(paragraph(text), flush=True)
    return {**said, "loudness": metadata.get("loudness"), "gain": metadata.get("gain")}


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
    whole: Prepared,
    part: Part,
    outcome: Outcome,
    model: Model,
    params: Params,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """The content of `result.json`."""
    job, progress = part.job, outcome.progress
    heard = progress.step * job.samples_per_step
    init = {"init": dict(job.init.record)} if job.init else {}
    return {
        "architecture": model.architecture,
        "model": part.name,
        "choices": {g: c for g, c in whole.choices.items() if g != "model"},
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
            "restarts": progress.restarts,
            "warnings": [
                {"cause": cause, "step": step, "restarts": restarts}
                for cause, step, restarts in progress.warned
            ],
            "seconds": progress.seconds,
            "samples_per_second": heard / max(progress.seconds, 1e-9),
        },
        "device": jax.local_devices()[0].device_kind,
        "versions": versions(),
        **init,
    }


def versions() -> dict[str, str]:
    """What the result was made with."""
    from importlib.metadata import version  # noqa: PLC0415

    packages = ("jaxamp", "jax", "jaxlib", "flax", "optax", "numpy")
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {name: version(name) for name in packages}


def hyperparameters(whole: Prepared, part: Part) -> dict[str, Any]:
    """What runs of a sweep are told apart by: what was chosen, and every value."""
    config = {key: value for key, value in whole.config.items() if key != "export"}
    return config | {"choice": dict(whole.choices) | {"model": part.name}}


def shown(
    part: Part,
    model: Model,
    params: Params,
    scores: Scored,
    result: Mapping[str, Any],
    hyperparameters: Mapping[str, Any],
) -> None:
    """The first look at the run as a picture, and its entry in TensorBoard."""
    capture, controls, setting = scores.example()
    size = min(capture.target.size, PICTURE_SECONDS * model.sample_rate)
    heard = np.concatenate([capture.context, capture.input[:size]])
    played = play(model, params, [heard[None, None]], controls=controls)
    prediction = np.concatenate(list(trimmed(played, capture.context.size)))
    first_look(
        part.folder / "first_look.png",
        title=f"{part.name}: validation ESR {result['esr']:.4f}{setting}",
        prediction=prediction,
        target=capture.target[:size],
        sample_rate=model.sample_rate,
        history=read_lines(part.folder / "metrics.jsonl"),
    )
    clips = {
        "input": capture.input,
        "target": capture.target,
        "prediction": prediction,
        "difference": prediction - capture.target[:size],
    }
    brief = min(size, BOARD_SECONDS * model.sample_rate)
    show_on_board(
        part.folder / "tensorboard",
        step=result["train"]["steps"],
        config=hyperparameters,
        metrics=result["metrics"],
        clips={name: clip[:brief] for name, clip in clips.items()},
        sample_rate=model.sample_rate,
    )
