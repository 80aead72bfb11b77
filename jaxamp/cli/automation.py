"""`--automation moves.csv`: the knobs of a model, turned while it plays."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxamp.cli.knobs import by_name
from jaxamp.cli.main import complain
from jaxamp.core import ConfigError, Model
from jaxamp.core.shown import shown

if TYPE_CHECKING:
    from jaxamp.data.automation import Automation


def add_automation(parser: argparse.ArgumentParser) -> None:
    """The options of moving knobs."""
    parser.add_argument(
        "--automation",
        metavar="MOVES.csv",
        help="knobs that move: a line seconds,knob,value, then one for each point, "
        "for example 1.5,gain,0.7; straight between points, two of one time are a "
        "jump. --knob sets the others, and where a knob is at 0 s",
    )
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="MS",
        help="milliseconds over which the corners of an automation are rounded: 20; "
        "0 leaves them as they are",
    )


def refuse_smoothing_of_nothing(given: argparse.Namespace, *files: str | None) -> None:
    """Raises for a smoothing where nothing moves."""
    if given.smoothing is not None and not any(files):
        raise ConfigError(
            f"--smoothing {given.smoothing:g} is said of no automation. Name one "
            "with --automation moves.csv, or leave it out."
        )


def automation_of(
    file: str | None, knobs: Sequence[str], smoothing: float | None, model: Model
) -> "Automation | None":
    """The moves that were asked for, if any.

    Args:
        knobs: NAME=VALUE, of those that do not move and of where others begin.
        smoothing: Milliseconds; None is usual.

    Raises:
        ConfigError: As `read_automation`.
    """
    if file is None:
        return None
    from jaxamp.data.automation import (  # noqa: PLC0415
        SMOOTHING_SECONDS,
        read_automation,
    )

    seconds = SMOOTHING_SECONDS if smoothing is None else smoothing / 1000
    return read_automation(file, model, by_name(knobs), smoothing_seconds=seconds)


def named_moves(automation: "Automation", file: str) -> str:
    """', with gain as moves.csv says, tone 0.5'."""
    settings = zip(automation.names, automation.settings.tolist(), strict=True)
    told = [f"{', '.join(automation.moved)} as {shown(file)} says"]
    told += [
        f"{name} {value:g}" for name, value in settings if name not in automation.moved
    ]
    return ", with " + ", ".join(told)


def warn_after_end(automation: "Automation", seconds: float, file: str) -> None:
    """Tells of points that are never reached: milliseconds or samples, perhaps."""
    if automation.last > seconds:
        complain(
            f"warning: The last point of {shown(file)} is at {automation.last:g} s, "
            f"and the audio ends at {seconds:.2f} s."
        )
