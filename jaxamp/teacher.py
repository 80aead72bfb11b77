"""A model as the amp: what it makes of a dry recording is what another model learns.

Nothing has to be recorded or aligned: the teacher plays from silence, sample for
sample and without delay, when the recording is asked for. So a model can be distilled
into another size, architecture or format.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.core import (
    CaptureError,
    ConfigError,
    Model,
    Moves,
    Recording,
    cloud,
    knob_settings,
)
from jaxamp.core.shown import shown
from jaxamp.data import read_audio
from jaxamp.data.capture import Taken, described, recorded, refuse_seconds
from jaxamp.data.checks import SILENCE_DBFS, peak_dbfs, rms_dbfs
from jaxamp.data.demo import SAMPLE_RATE, around_centre, check_lengths, packaged_di
from jaxamp.formats.nam.metadata import CHECKS
from jaxamp.loading import Loaded, digest, load_described
from jaxamp.stream import process

LABELS = (
    "name", "modeled_by", "gear_type", "gear_make", "gear_model", "tone_type",
    "input_level_dbu", "output_level_dbu",
)  # fmt: skip
"""What is remembered of a teacher's own words."""

LONGEST_LABEL = 200
"""Characters of a word that is remembered; real ones have a few dozen."""

Files = str | Sequence[str] | None


def teacher(
    model: str | None = None,
    input: Files = None,
    *,
    size: float | None = None,
    knobs: Mapping[str, float] | None = None,
    validation_input: Files = None,
    validation_seconds: float = 9.0,
    channel: int | str | None = None,
    normalize_dbfs: float | None = None,
) -> Recording:
    """The recording of a model that plays dry files.

    Each file is played from silence. Without files, the packaged DI of the demo is
    played in three pieces, of which the middle one validates.

    Args:
        model: A run directory or a model file.
        input: A dry file or several, mono or with `channel` named.
        size: Of a model in several sizes, the share of the full size that may be
            spent, 0 to 1; the largest by default.
        knobs: Where the model's knobs stand, by name, 0 to 1; in the middle unless
            named.
        validation_input: Files to validate on; without them, the end of the last
            input.
        normalize_dbfs: As for `jaxamp.data.capture`.

    Raises:
        ConfigError: No model, a file of another rate than the model's, or a knob that
            it lacks.
        FormatError, RunError: A model that cannot be read.
        CaptureError: A file that cannot be read, or that the model answers with
            silence or with what is no sound.
    """
    if not model:
        raise ConfigError(
            "No teacher is given. Set data.model to a run directory or a model file, "
            "for example data.model=amp.nam."
        )
    refuse_seconds(validation_seconds)
    dry = [read_dry(file, channel) for file in listed(input)]
    held_out = [read_dry(file, channel) for file in listed(validation_input)]
    path = cloud.fetched(model)
    loaded = load_described(path, size=size)
    if not dry:
        dry, middle = demo_pieces(validation_seconds)
        held_out = held_out or [middle]
    for one in [*dry, *held_out]:
        refuse_other_rate(one, loaded.model.sample_rate)
    controls = knob_settings(loaded.model, dict(knobs or {}))
    told = introduced(path, size, loaded, controls)
    made = recorded(
        [played(loaded, one, told["file"], controls) for one in dry],
        [played(loaded, one, told["file"], controls) for one in held_out],
        validation_seconds,
        normalize_dbfs,
    )
    return dataclasses.replace(made, findings={**made.findings, "teacher": told})


def lesson(
    model: str,
    input: str,
    channel: int | str | None = None,
    *,
    size: float | None = None,
    knobs: Mapping[str, float] | None = None,
    moving: Callable[[Model], Moves | None] | None = None,
) -> Taken:
    """One dry file, whole, and what the teacher makes of it; raises like `teacher`.

    Args:
        moving: The teacher -> how its knobs move, which takes the place of `knobs`, or
            None.
    """
    dry = read_dry(input, channel)
    path = cloud.fetched(model)
    loaded = load_described(path, size=size)
    refuse_other_rate(dry, loaded.model.sample_rate)
    controls: Any = moving(loaded.model) if moving else None
    if controls is None:
        controls = knob_settings(loaded.model, dict(knobs or {}))
    return played(loaded, dry, shown(path.resolve().name), controls)


@dataclasses.dataclass(frozen=True)
class Dry:
    """What is played to the teacher."""

    name: str
    samples: np.ndarray
    sample_rate: int
    facts: Mapping[str, Any]


def listed(files: Files) -> list[str]:
    """One name, several or none, as a list."""
    if files is None:
        return []
    return [files] if isinstance(files, str) else [str(file) for file in files]


def read_dry(file: str, channel: int | str | None) -> Dry:
    """A dry file that can be heard."""
    audio = read_audio(file, channel)
    name = shown(audio.path.name)
    peak = peak_dbfs(audio.samples)
    if peak < SILENCE_DBFS:
        raise CaptureError(
            f"{name} is silent: its loudest sample is at {peak:.0f} dBFS, at least "
            f"{SILENCE_DBFS:.0f} are expected. Give a recording of a guitar."
        )
    return Dry(name, audio.samples, audio.sample_rate, described(audio))


def demo_pieces(validation_seconds: float) -> tuple[list[Dry], Dry]:
    """The packaged DI before and after its middle, and the middle."""
    di = packaged_di()
    first, last = around_centre(validation_seconds, len(di))
    check_lengths(validation_seconds, len(di), last - first)
    pieces = {"beginning": di[:first], "middle": di[first:last], "end": di[last:]}
    beginning, middle, end = (
        Dry(f"demo DI, {part}", x, SAMPLE_RATE, {"file": "demo DI", **levels(x)})
        for part, x in pieces.items()
    )
    return [beginning, end], middle


def levels(samples: np.ndarray) -> dict[str, Any]:
    """Length and level, for findings."""
    return {
        "samples": len(samples),
        "peak_dbfs": round(peak_dbfs(samples), 2),
        "rms_dbfs": round(rms_dbfs(samples), 2),
    }


def refuse_other_rate(dry: Dry, rate: int) -> None:
    """Raises if the teacher would hear what is slower or faster than it learned."""
    if dry.sample_rate != rate:
        raise ConfigError(
            f"The teacher plays at {rate} Hz, {dry.name} has {dry.sample_rate} Hz. "
            f"Give a file of {rate} Hz, or a teacher of {dry.sample_rate} Hz."
        )


def introduced(
    path: Path, size: float | None, loaded: Loaded, controls: np.ndarray | None
) -> dict[str, Any]:
    """Who the teacher is: which file, which model, and what it says of its amp.

    A stranger's file may say anything; words that players know are remembered.
    """
    model, settings = loaded.model, [] if controls is None else controls.tolist()
    words = {key: understood(key, loaded.metadata.get(key)) for key in LABELS}
    return {
        "file": shown(path.resolve().name),
        "sha256": digest(path, loaded.params),
        "size": size,
        "knobs": dict(zip(model.controls, settings, strict=True)),
        "architecture": model.architecture,
        "metadata": {key: word for key, word in words.items() if word is not None},
    }


def understood(key: str, value: Any) -> Any:
    """A word of the metadata, or None where it is none."""
    if value is None or (isinstance(value, str) and len(value) > LONGEST_LABEL):
        return None
    try:
        return CHECKS[key](key, value)
    except ConfigError:
        return None


def played(
    loaded: Loaded, dry: Dry, teacher: str, controls: np.ndarray | Moves | None = None
) -> Taken:
    """A dry file and what the teacher makes of it, its knobs at `controls`."""
    target = process(loaded.model, loaded.params, dry.samples, controls=controls)
    if not np.all(np.isfinite(target)):
        raise CaptureError(
            f"{teacher} answers {dry.name} with NaN or infinity, from which nothing "
            "can be learned. Its file is damaged, or the recording far too loud."
        )
    if not np.any(target):
        raise CaptureError(
            f"{teacher} answers {dry.name} with silence, from which nothing can be "
            "learned. Listen to it with `jaxamp reamp`, and take another teacher."
        )
    findings = {
        "input": dict(dry.facts),
        "target": {"file": teacher, **levels(target)},
        "seconds": len(target) / dry.sample_rate,
        "delay": {"applied": 0, "method": "given"},
        "warnings": [],
    }
    title = f"{teacher} on {dry.name}"
    return Taken(dry.samples, target, dry.sample_rate, title, findings)


__all__ = ["lesson", "teacher"]
