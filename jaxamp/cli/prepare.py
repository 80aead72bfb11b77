"""Everything one job needs, checked before anything is written."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxamp.cli.assemble import Job, assembled
from jaxamp.cli.config import GROUPS, build, called, refuse_unknown
from jaxamp.cli.folder import claim, remembrance, write_json
from jaxamp.cli.init import beginnings, keep
from jaxamp.cli.labels import loudness_input, words
from jaxamp.core import ConfigError, Model, Recording, check_conditioning
from jaxamp.models import Container, scale_output


@dataclasses.dataclass(frozen=True)
class Part:
    """One model that a run trains, and where it is left."""

    job: Job
    name: str
    """What it is called in its result, for example wavenet/a2/lite."""
    folder: Path
    size: str = ""
    """Its name among the sizes of a container."""
    about: Mapping[str, Any] | None = None
    """What its checkpoints remember of the run, to know it by."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A job of which all that was given is checked, and nothing written yet."""

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    """What was chosen of each group, for example model: wavenet/nano."""
    folder: Path
    recording: Recording
    model: Model | Container
    parts: tuple[Part, ...]
    """One, or the sizes of a container."""

    @property
    def name(self) -> str:
        """What the model is called, for example wavenet/nano."""
        return called(self.choices)


def recorded(config: Mapping[str, Any]) -> Recording:
    """The recordings that a configuration names, read and aligned."""
    refuse_unknown(config, GROUPS, "the configuration")
    refuse_unlike_groups(config)
    recording = build(config["data"], "data")
    if not isinstance(recording, Recording):
        raise ConfigError(
            "data makes no recording. Keep its _target_, for example "
            "jaxamp.data.capture."
        )
    return recording


def refuse_unlike_groups(config: Mapping[str, Any]) -> None:
    """Raises ConfigError where a group is missing, or is no group."""
    for name in GROUPS:
        if name == "conditioning" and name not in config:
            continue  # a run of before there were knobs
        if name not in config:
            raise ConfigError(
                f"The configuration has no {name}. Leave it as it is by default."
            )
        if name != "seed" and not isinstance(config[name], Mapping):
            raise ConfigError(
                f"{name} is {config[name]!r}, and must be a group of keys. Leave it as "
                "it is by default, and override its keys."
            )


def prepared(
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    folder: Path,
    recording: Recording,
    *,
    spread: bool = True,
) -> Prepared:
    """The job, checked before anything is written.

    Args:
        spread: As for `assembled`.
    """
    rate = recording.sample_rate
    conditioning = config.get("conditioning", {"kind": "film"})
    knobs = knob_options(config["model"], conditioning, recording)
    model = build(config["model"], "model", sample_rate=rate, **knobs)
    if not isinstance(model, Model | Container):
        raise ConfigError(
            "model makes no model. Keep its _target_, for example "
            "jaxamp.models.recurrent."
        )
    models = [s.model for s in model.sizes] if isinstance(model, Container) else [model]
    for one in models:
        refuse_deaf(one, recording, conditioning)
    words(config["export"])
    loudness_input(config["export"].get("loudness_input"), rate)
    jobs = assembled(config, models, recording, spread=spread)
    if recording.target_gain != 1.0:
        for one in models:
            refuse_unscalable(one)
    parts = parted(called(choices), folder, model, jobs)
    inits = beginnings(
        config["train"]["init"],
        model,
        recording.target_gain,
        [part.folder for part in parts],
    )
    about = remembrance(config, recording.findings)
    parts = [
        dataclasses.replace(
            part, job=dataclasses.replace(part.job, init=init), about=about
        )
        for part, init in zip(parts, inits, strict=True)
    ]
    return Prepared(config, choices, folder, recording, model, tuple(parts))


def knob_options(
    model: Mapping[str, Any], conditioning: Mapping[str, Any], recording: Recording
) -> dict[str, Any]:
    """What a model is told of knobs: their names, and how they reach it.

    Nothing where its configuration asks for none, to learn one sound between them all.

    Raises:
        ConfigError: There is no such way for knobs, be there knobs or not.
    """
    check_conditioning(conditioning)
    if not recording.controls or model.get("controls") == []:
        return {}
    return {"controls": recording.controls, "conditioning": conditioning}


def refuse_deaf(
    model: Model, recording: Recording, conditioning: Mapping[str, Any]
) -> None:
    """Raises where a model does not hear the recordings' knobs as asked."""
    knobs = ", ".join(recording.controls)
    if not knobs or not model.controls:
        return
    if model.architecture == "Sequential" and conditioning["kind"] != "concat":
        raise ConfigError(
            f"The knobs of a Sequential, {knobs}, are further inputs of its first "
            f"layer, and conditioning={conditioning['kind']} is none of its ways. Use "
            "conditioning=concat."
        )


def parted(
    name: str, folder: Path, model: Model | Container, jobs: Sequence[Job]
) -> list[Part]:
    """One part, or one for each size of a container in a folder of its own."""
    if not isinstance(model, Container):
        return [Part(jobs[0], name, folder)]
    return [
        Part(job, f"{name}/{size.name}", folder / size.name, size.name)
        for size, job in zip(model.sizes, jobs, strict=True)
    ]


def refuse_unscalable(model: Model) -> None:
    """Raises before training if normalisation could not be undone afterwards."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    try:
        scale_output(
            model, jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes), 2.0
        )
    except ConfigError as error:
        raise ConfigError(f"data.normalize_dbfs cannot be used: {error}") from error


def begin(job: Prepared) -> None:
    """Makes the job's folder its own."""
    claim(job.folder, job.config, job.recording.findings)
    if isinstance(job.model, Container):
        limits = {size.name: size.max_value for size in job.model.sizes}
        write_json(job.folder / "sizes.json", limits)
    for part in job.parts:
        part.folder.mkdir(exist_ok=True)
        keep(part.folder, part.job.init)


def noticed(job: Prepared) -> Sequence[str]:
    """What is odd about the recordings."""
    return job.recording.findings.get("warnings", ())
