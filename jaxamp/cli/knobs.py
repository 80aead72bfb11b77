"""`--knob NAME=VALUE`: the knobs of a model, set by their names."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, Model, knob_settings


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """The option, which may be given for each knob."""
    parser.add_argument(
        "--knob",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="where a knob stands, 0 to 1, for each knob that is not in the middle; "
        "`jaxamp info` tells the names",
    )


def settings_of(model: Model, given: Sequence[str]) -> np.ndarray | None:
    """Where each knob stands `[k]`, in the model's order; None without knobs.

    Raises:
        ConfigError: No NAME=VALUE, no number from 0 to 1, or a knob there is not.
    """
    return knob_settings(model, by_name(given))


def by_name(given: Sequence[str]) -> dict[str, float]:
    """Knob -> where it stands."""
    settings: dict[str, float] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            settings[name] = float(value)
        except ValueError:
            raise ConfigError(
                f"--knob {text!r} must be a name and a number, for example "
                "--knob gain=0.7."
            ) from None
    return settings


def named_settings(model: Model, settings: np.ndarray | None) -> str:
    """', with gain 0.7, tone 0.5', or nothing."""
    if settings is None:
        return ""
    pairs = zip(model.controls, settings.tolist(), strict=True)
    return ", with " + ", ".join(f"{name} {value:g}" for name, value in pairs)


def labelled_setting(
    metadata: Mapping[str, Any], model: Model, settings: np.ndarray
) -> tuple[dict[str, Any], str]:
    """What a file with baked knobs says, and its setting, such as `gain 0.7`.

    The name tells the setting. How loud the model is depends on it, and is measured
    anew when the file is written.
    """
    pairs = zip(model.controls, settings.tolist(), strict=True)
    setting = ", ".join(f"{knob} {value:g}" for knob, value in pairs)
    kept = {k: v for k, v in metadata.items() if k not in ("loudness", "gain")}
    name = metadata.get("name")
    return {**kept, "name": f"{name} ({setting})" if name else setting}, setting
