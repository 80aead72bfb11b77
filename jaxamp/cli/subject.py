"""What a report is about, found: a run with its recordings, or those that are given."""

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.cli.config import build
from jaxamp.cli.evaluate import aligned, heard, wanted_delay
from jaxamp.cli.folder import plain
from jaxamp.cli.found import title
from jaxamp.cli.kept import DAMAGED, kept_config
from jaxamp.cli.knobs import settings_of
from jaxamp.cli.reamp import refuse_other_rate
from jaxamp.cli.scored import as_recorded
from jaxamp.core import (
    KNOB_MIDDLE,
    Capture,
    ConfigError,
    JaxampError,
    Recording,
    RunError,
    knob_places,
)
from jaxamp.core.cloud import named
from jaxamp.core.shown import shown
from jaxamp.core.small_files import small_json, small_text
from jaxamp.evaluate import told
from jaxamp.loading import load, metadata, part_folder
from jaxamp.report.analysis.tones import Render
from jaxamp.report.knobs.settings import SettingError, measured_settings
from jaxamp.report.subject import Subject
from jaxamp.train import read_lines

OF_THE_CHECKS = ("checks", "warnings", "target_gain")
"""Findings that say nothing of which recordings they are; later versions check more."""

DEMO = "jaxamp.data.demo"
VIRTUAL_KNOBS = "jaxamp.data.virtual_knobs"


def subject(given: argparse.Namespace, path: Path) -> Subject:
    """Everything a report needs.

    Raises:
        ConfigError: A model file without recordings to hold it against.
        RunError, FormatError: No run, or a damaged one; or its recordings are gone or
            are others.
    """
    if given.input is not None:
        return of_files(given, path)
    if path.is_file():
        raise ConfigError(
            f"{named(path)!r} is a model file, which does not hold what it was learned "
            "from. Give --input DRY.wav --target AMP.wav to hold it against, or the "
            "directory of the run."
        )
    return of_run(path, given.size)


def of_files(given: argparse.Namespace, path: Path) -> Subject:
    """A model against recordings that are given."""
    x, y, sample_rate = heard(given)
    model, params = load(path, size=given.size)
    refuse_other_rate(model, sample_rate, given.input)
    controls = settings_of(model, given.knob)
    delay = wanted_delay(given.delay or "auto", model, params, x, y, controls)
    folder = part_folder(path, given.size)
    result, history = (wrote(folder), logged(folder)) if path.is_dir() else ({}, [])
    return Subject(
        name=str(result.get("model") or path.name),
        capture=Path(given.target).name,
        place=named(path),
        model=model,
        params=params,
        passages=(aligned(x, y, delay),),
        controls=controls,
        result={k: v for k, v in result.items() if k in ("versions", "device")},
        history=history,
        notes=[
            f"Held against {Path(given.input).name} and {Path(given.target).name}, of "
            f"which the second is taken to trail by {delay} samples."
        ],
    )


def of_run(path: Path, size: float | None) -> Subject:
    """A run's model against the passage that it kept from training."""
    config = configuration(path)
    recording = recorded_again(path, config)
    folder = part_folder(path, size)
    model, params = load(path, size=size)
    if model.sample_rate != recording.sample_rate:
        raise RunError(
            f"The model in {shown(path)} runs at {model.sample_rate} Hz and its "
            f"recordings at {recording.sample_rate} Hz, so they do not belong together."
        )
    result, history = wrote(folder), logged(folder)
    places = knob_places(model, recording.controls)
    passages, notes = recording.validation, []
    if recording.controls:
        passages, notes = one_setting(recording, measured_settings(result))
        result = {key: value for key, value in result.items() if key != "metrics"}
    return Subject(
        name=str(result.get("model") or model.architecture),
        capture=called(path, recording),
        place=named(path),
        model=model,
        params=params,
        passages=tuple(as_recorded(one, recording) for one in passages),
        controls=told(passages[0], places),
        amp=amp_of(config, recording, passages[0]),
        turned_amp=turned_amp_of(config, recording, passages[0], model.controls),
        result=result,
        history=history,
        findings=recording.findings,
        config=small_text(path / "config.yaml"),
        notes=[*unfinished(result, history, config), *notes],
    )


def one_setting(
    recording: Recording, settings: Sequence[SettingError]
) -> tuple[tuple[Capture, ...], list[str]]:
    """The passages of the setting that validates worst, and what to say of that.

    Where a run has not ended, nobody knows the worst: then the first is taken.
    """
    kept = {one.name for one in recording.validation}
    judged = [one for one in settings if one.name in kept]
    worst = max(judged, key=lambda one: one.esr, default=None)
    name = worst.name if worst else recording.validation[0].name
    stands = next(one.controls for one in recording.validation if one.name == name)
    passages = tuple(
        one for one in recording.validation if np.array_equal(one.controls, stands)
    )
    count = len({one.controls.tobytes() for one in recording.validation})
    which = f"the one of {count} that comes out worst" if worst else f"one of {count}"
    note = (
        f"The amp has knobs, {', '.join(recording.controls)}. What is heard and drawn "
        f"here is one setting, {shown(name, 100)}, {which}."
    )
    if len(judged) > 1:
        mean = sum(one.esr for one in judged) / len(judged)
        note += f" The mean ESR of all {len(judged)} is {mean:.4g}."
    return passages, [note]


def called(path: Path, recording: Recording) -> str:
    """The amp's name, if the run's owner gave one, and its recording's."""
    heard_in, name = title(recording.findings), metadata(path).get("name")
    return f"{shown(name, 100)} ({heard_in})" if isinstance(name, str) else heard_in


def configuration(path: Path) -> Mapping[str, Any]:
    """A run's configuration.

    Raises:
        RunError: It has none, or it is damaged.
    """
    if not path.is_dir():
        raise RunError(
            f"There is no run at {named(path)!r}. Give a run directory, as "
            "`jaxamp train` prints it."
        )
    try:
        config = kept_config(path / "config.yaml")
        if not isinstance(config["data"], dict):
            raise ValueError("data is no group")
    except DAMAGED as error:
        raise RunError(
            f"{named(path)!r} has no config.yaml that says what was recorded: "
            f"{error}. Give the directory that `jaxamp train` printed (of a sweep one "
            "of those in it; of a model in several sizes the one above them, with "
            "--size), or the recordings with --input and --target."
        ) from error
    return config


def recorded_again(path: Path, config: Mapping[str, Any]) -> Recording:
    """The recordings a run learned from, read and aligned as then.

    Raises:
        RunError: They are gone, cannot be read, or are others now.
    """
    try:
        recording = build(config["data"], "data")
    except JaxampError as error:
        raise RunError(
            f"What {named(path)!r} learned from cannot be read: {error} What is played "
            "is the passage that was kept from training, so put the files back where "
            "they were (a relative path counts from the folder that the training was "
            "started in), or give others to `jaxamp report` with --input and --target."
        ) from error
    if not isinstance(recording, Recording):
        raise RunError(f"The configuration in {named(path)!r} makes no recording.")
    try:
        before = small_json(path / "capture.json")
    except DAMAGED as error:
        raise RunError(
            f"{named(path)!r} has no capture.json that says which recordings it "
            f"learned from: {error}. Give them to `jaxamp report` with --input and "
            "--target."
        ) from error
    if of_recordings(before) != of_recordings(plain(recording.findings)):
        raise RunError(
            f"The recordings are not those that {named(path)!r} learned from"
            f"{which(before, recording.findings)}. Put those back, or hold the model "
            "against the new ones by `jaxamp report` with --input and --target."
        )
    return recording


def of_recordings(findings: Any) -> Any:
    """What tells recordings from others, out of what was found in them."""
    if isinstance(findings, Mapping):
        return {
            key: of_recordings(value)
            for key, value in findings.items()
            if key not in OF_THE_CHECKS
        }
    if isinstance(findings, list | tuple):
        return [of_recordings(value) for value in findings]
    return findings


def which(before: Any, now: Mapping[str, Any]) -> str:
    """' (amp.wav has changed)', or nothing where it cannot be told."""
    try:
        changed = [
            shown(new[part]["file"], 100)
            for old, new in zip(before["pairs"], now["pairs"], strict=True)
            for part in ("input", "target")
            if old[part] != new[part]
        ]
    except DAMAGED:
        return ""
    return f" ({', '.join(changed)} changed)" if changed else ""


def wrote(folder: Path) -> Mapping[str, Any]:
    """A run's result; nothing where it has not ended, or the file is damaged."""
    try:
        result = small_json(folder / "result.json")
    except DAMAGED:
        return {}
    return result if isinstance(result, dict) else {}


def logged(folder: Path) -> list[dict[str, Any]]:
    """How a run learned, as far as it wrote it down."""
    log = folder / "metrics.jsonl"
    return read_lines(log) if log.is_file() else []


def unfinished(
    result: Mapping[str, Any], history: Sequence[Mapping[str, Any]], config: Any
) -> list[str]:
    """What to say of a training that has not ended."""
    train = result.get("train")
    if isinstance(train, dict) and train.get("stopped") != "interrupted":
        return []
    train = config.get("train")
    wanted = train.get("steps") if isinstance(train, dict) else None
    last = history[-1].get("step") if history else None
    reached = f" (step {last} of {wanted})" if last is not None else ""
    return [
        f"This training has not ended{reached}; shown is the best model so far. The "
        "same `jaxamp train` command goes on with it."
    ]


def amp_of(
    config: Mapping[str, Any], recording: Recording, stood: Capture
) -> Render | None:
    """What plays anything through the amp itself, as can be had of equations.

    Args:
        stood: A passage that says where its knobs are.
    """
    turned = turned_amp_of(config, recording, stood, ())
    if turned is not None:
        return lambda x: turned(x, np.zeros((0, len(x))))
    if config["data"].get("_target_") != DEMO:
        return None
    from jaxamp.data.virtual_amp import virtual_amp  # noqa: PLC0415

    knobs = recording.findings["knobs"]
    return functools.partial(virtual_amp, **knobs, sample_rate=recording.sample_rate)


def turned_amp_of(
    config: Mapping[str, Any],
    recording: Recording,
    stood: Capture,
    names: Sequence[str],
) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """The same while the knobs of those names move, the others as they stood."""
    if config["data"].get("_target_") != VIRTUAL_KNOBS:
        return None
    from jaxamp.data.knobbed_amp import KNOBS, knobbed_amp  # noqa: PLC0415

    at_rest = dict.fromkeys(KNOBS, KNOB_MIDDLE)
    at_rest |= dict(zip(recording.controls, stood.controls.tolist(), strict=True))

    def turned(x: np.ndarray, ways: np.ndarray) -> np.ndarray:
        places = {name: np.full(len(x), place) for name, place in at_rest.items()}
        places |= dict(zip(names, ways, strict=True))
        every = np.stack([places[name] for name in KNOBS])
        return knobbed_amp(x, every, recording.sample_rate)

    return turned
