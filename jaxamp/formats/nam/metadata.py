"""What a .nam file says about the amp."""

import datetime
import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, Model, Params

GEAR_TYPES = (
    "amp",
    "pedal",
    "pedal_amp",
    "amp_cab",
    "amp_pedal_cab",
    "preamp",
    "studio",
)

TONE_TYPES = ("clean", "overdrive", "crunch", "hi_gain", "fuzz")


def complete(
    model: Model, params: Params, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Metadata as players read it: what is given, and the measured rest.

    Loudness and gain are measured unless given. What is None is left out: old
    players stumble over null. The clock is not read: without a `date` there is none,
    and the same model makes the same file.

    Raises:
        ConfigError: A key or value that players do not know.
    """
    given = dict(given or {})
    refuse_unknown(given)
    if not {"loudness", "gain"} <= given.keys():
        # No file needs JAX to be read, and it is slow to import.
        from jaxamp.formats.nam.loudness import loudness_and_gain  # noqa: PLC0415

        measured = loudness_and_gain(model, params)._asdict()
        heard = {key: value for key, value in measured.items() if np.isfinite(value)}
        given = {**heard, **given}
    checked = {
        key: check(key, given[key])
        for key, check in CHECKS.items()
        if given.get(key) is not None
    }
    return checked


def training_record(
    *,
    validation_esr: float,
    manual_delay: int | None = None,
    delays: Sequence[int] = (),
    recommended_delay: int | None = None,
    matches_lookahead: bool = False,
    disagreement_too_high: bool = False,
    not_detected: bool = False,
    ignore_checks: bool = False,
    input_version: int = 0,
    input_name: str | None = None,
    checks_passed: bool | None = None,
    faults: Sequence[str] = (),
) -> dict[str, Any]:
    """How the model was trained, under `training` of the metadata.

    Args:
        manual_delay: Samples, where the user gave the delay.
        delays: Samples, as measured at each place of the capture signal.
        recommended_delay: Samples, the measured delay less one of safety; None where
            nothing was measured.
        input_version: Of the standard capture signal, the number before the first
            dot; 0 where another signal was played.
        input_name: The known signal that was played, for example standard input 3.0.0.
        checks_passed: Whether no check found a fatal fault; None where none was made.
        faults: The names of the checks that found something worth a warning, or worse.
    """
    measured = {
        "algorithm_version": 1,
        "delays": [int(delay) for delay in delays],
        "safety_factor": 1,
        "recommended": recommended_delay,
        "warnings": {
            "matches_lookahead": matches_lookahead,
            "disagreement_too_high": disagreement_too_high,
            "not_detected": not_detected,
        },
    }
    return {
        "settings": {"ignore_checks": ignore_checks},
        "data": {
            "latency": {
                "manual": manual_delay,
                "calibration": None if recommended_delay is None else measured,
            },
            "checks": (
                None
                if checks_passed is None
                else {
                    "version": input_version,
                    "passed": checks_passed,
                    "signal": input_name,
                    "faults": list(faults),
                }
            ),
        },
        "validation_esr": float(validation_esr),
    }


def refuse_unknown(given: Mapping[str, Any]) -> None:
    """Raises ConfigError for a key that is not one of `CHECKS`."""
    for key in given:
        if key not in CHECKS:
            near = difflib.get_close_matches(str(key), CHECKS, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"Metadata key {key!r} is not known to players; "
                f"these are: {', '.join(CHECKS)}.{hint}"
            )


def moment(key: str, value: Any) -> dict[str, int]:
    """A datetime, or the six numbers of one."""
    units = ("year", "month", "day", "hour", "minute", "second")
    if isinstance(value, datetime.datetime):
        return {unit: getattr(value, unit) for unit in units}
    if isinstance(value, Mapping) and all(type(value.get(u)) is int for u in units):
        return {unit: value[unit] for unit in units}
    raise ConfigError(
        f"Metadata {key} is {value!r}. Give a datetime, or whole numbers for each of: "
        f"{', '.join(units)}."
    )


def number(key: str, value: Any) -> float:
    if isinstance(value, bool | str) or not np.isscalar(value):
        raise ConfigError(f"Metadata {key} is {value!r}. Give a number.")
    if not np.isfinite(value):  # pyright: ignore[reportArgumentType]
        raise ConfigError(f"Metadata {key} is {value!r}. Give a finite number.")
    return float(value)  # pyright: ignore[reportArgumentType]


def words(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"Metadata {key} is {value!r}. Give a text.")
    return value


def one_of(choices: Sequence[str]) -> Callable[[str, Any], str]:
    def check(key: str, value: Any) -> str:
        if value in choices:
            return value
        near = difflib.get_close_matches(str(value), choices, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(
            f"Metadata {key} is {value!r}; players know: {', '.join(choices)}.{hint}"
        )

    return check


def record(key: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as problem:
        raise ConfigError(
            f"Metadata {key} cannot be written as JSON: {problem}. "
            "Build it with training_record."
        ) from None


CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "date": moment,
    "loudness": number,
    "gain": number,
    "name": words,
    "modeled_by": words,
    "gear_type": one_of(GEAR_TYPES),
    "gear_make": words,
    "gear_model": words,
    "tone_type": one_of(TONE_TYPES),
    "input_level_dbu": number,
    "output_level_dbu": number,
    "training": record,
}
"""key -> what makes a value of it writable; in the order of the file"""
