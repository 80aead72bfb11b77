"""What an exported file says of itself: the user's words and what was measured."""

import datetime
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from jaxamp.cli.config import refuse_unknown
from jaxamp.core import ConfigError, Model, Params
from jaxamp.data import read_audio
from jaxamp.formats.nam import training_record
from jaxamp.formats.nam.loudness import loudness_and_gain
from jaxamp.formats.nam.metadata import CHECKS

TAUGHT = (
    "gear_type", "gear_make", "gear_model", "tone_type", "input_level_dbu",
    "output_level_dbu",
)  # fmt: skip
"""What is as true of a student as of its teacher: which amp it is, and how loud."""

EXPORT_KEYS = (
    "name", "modeled_by", "gear_type", "gear_make", "gear_model", "tone_type",
    "input_level_dbu", "output_level_dbu", "loudness_input",
)  # fmt: skip

LONGEST_INPUT = 60
"""Seconds of sound that loudness is measured with."""


def words(export: Mapping[str, Any]) -> dict[str, Any]:
    """The user's own words, checked.

    Raises:
        ConfigError: A key or a value that players do not know.
    """
    refuse_unknown(export, EXPORT_KEYS, "export")
    return {
        key: CHECKS[key](f"export.{key}", value)
        for key, value in export.items()
        if key != "loudness_input" and value is not None
    }


def labels(
    export: Mapping[str, Any],
    model: Model,
    params: Params,
    *,
    esr: float,
    findings: Mapping[str, Any],
    ignore_checks: Collection[str],
) -> dict[str, Any]:
    """Everything the file says: words, date, loudness and gain, how it was trained."""
    signal = loudness_input(export.get("loudness_input"), model.sample_rate)
    measured = loudness_and_gain(model, params, signal)._asdict()
    heard = {key: value for key, value in measured.items() if np.isfinite(value)}
    training = training_record(
        validation_esr=esr,
        ignore_checks=bool(ignore_checks),
        **delays(findings),
        **checked(findings),
    )
    date = CHECKS["date"]("date", datetime.datetime.now())
    said = {**taught(findings), **words(export)}
    return {"date": date, **said, **heard, "training": training}


def taught(findings: Mapping[str, Any]) -> dict[str, Any]:
    """What a student says of its amp unless told otherwise: its teacher's words."""
    said = findings.get("teacher", {}).get("metadata", {})
    return {key: said[key] for key in TAUGHT if key in said}


def loudness_input(path: str | None, sample_rate: int) -> np.ndarray | None:
    """The second of sound to measure with, if the user names a file."""
    if path is None:
        return None
    if not isinstance(path, str):
        raise ConfigError(
            f"export.loudness_input={path!r} must be a file, or null for the built-in "
            "second of sound."
        )
    audio = read_audio(path)
    if audio.sample_rate != sample_rate:
        raise ConfigError(
            f"export.loudness_input={path!r} has {audio.sample_rate} Hz, the model "
            f"{sample_rate} Hz. Give a file of the model's rate, or null for the "
            "built-in one."
        )
    seconds = len(audio.samples) / sample_rate
    if seconds > LONGEST_INPUT:
        raise ConfigError(
            f"export.loudness_input={path!r} is {seconds:.1f} s long; at most "
            f"{LONGEST_INPUT} s are played to measure with, and one is usual."
        )
    return audio.samples


def delays(findings: Mapping[str, Any]) -> dict[str, Any]:
    """The delay of the recordings as the training record has it."""
    found = [pair["delay"] for pair in findings.get("pairs", ()) if pair.get("delay")]
    if not found:
        return {}
    measured = [delay for delay in found if "samples" in delay]
    if not measured:
        return {"manual_delay": found[0]["applied"]}
    return {
        "delays": [delay["samples"] for delay in measured],
        "recommended_delay": measured[0]["applied"],
    }


def checked(findings: Mapping[str, Any]) -> dict[str, Any]:
    """What was found in the recordings, as the training record has it."""
    checks = [pair["checks"] for pair in findings.get("pairs", ()) if "checks" in pair]
    if not checks:
        return {}
    faults = {
        fault["check"]
        for pair in checks
        for fault in pair["found"]
        if fault["severity"] != "note"
    }
    signal = checks[0]["signal"]
    major = (signal or "").removeprefix("standard input ").partition(".")[0]
    return {
        "input_version": int(major) if major.isdigit() else 0,
        "input_name": signal,
        "checks_passed": all(pair["passed"] for pair in checks),
        "faults": sorted(faults),
    }
