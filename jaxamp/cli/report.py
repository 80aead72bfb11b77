"""`jaxamp report RUN`: one page on a run: its sound, its pictures and its numbers.

The model plays the passage that the run kept from training. The page is one file that
opens from disk and loads nothing. With --input and --target the model, of a run or of a
file, is held against those recordings instead.
"""

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

from jaxamp.cli.folder import write_text
from jaxamp.cli.knobs import add_knobs
from jaxamp.cli.main import keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.core import ConfigError, Model
from jaxamp.core.cloud import delivered, fetched, is_url, named
from jaxamp.core.shown import paragraph

SECONDS = 12.0
"""Of sound in a page; each takes about 0.4 MB."""

MOST_CLIPS = 400
"""Settings of the knobs that a browser can play in step."""

LONGEST = 120.0
"""Seconds; a page with more would be too large for a browser to open at once."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp report", description=__doc__)
    parser.add_argument(
        "run", metavar="RUN", help="a run directory; with --input also a model file"
    )
    parser.add_argument("--output", help="the page; RUN/report.html by default")
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"of sound that the page holds, {SECONDS:g} by default: the loudest "
        "moment and a quiet one",
    )
    parser.add_argument(
        "--no-timing",
        action="store_true",
        help="do not measure how long blocks take on this machine",
    )
    parser.add_argument(
        "--knob-clips",
        type=int,
        metavar="N",
        help="of a model with knobs: settings that the page has sliders for, at most; "
        "81 by default, which is every combination of five positions of one or two "
        "knobs, of three positions of three or four, and one knob at a time of more; "
        "together they take up to 8 MB; 0 for none",
    )
    parser.add_argument(
        "--match-knobs",
        action="store_true",
        help="first play these equally loud, not as loud as the knobs make them",
    )
    parser.add_argument("--input", help="dry audio, instead of the run's own")
    parser.add_argument("--target", help="the same through the amp")
    parser.add_argument(
        "--delay", help="with --target: samples that it trails the input by, or auto"
    )
    parser.add_argument("--channel", help="of files with several: 0, 1, left, right")
    parser.set_defaults(teacher=None)
    add_knobs(parser)
    add_size(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Writes the page; returns the exit status."""
    given = parser().parse_args(arguments)
    refuse_unlike(given)
    written(given)
    return 0


def refuse_unlike(given: argparse.Namespace) -> None:
    """Raises ConfigError for arguments that do not go together."""
    if not (math.isfinite(given.seconds) and 0.1 <= given.seconds <= LONGEST):
        raise ConfigError(
            f"--seconds {given.seconds:g} must be from 0.1 to {LONGEST:g}."
        )
    if given.knob_clips is not None and not 0 <= given.knob_clips <= MOST_CLIPS:
        raise ConfigError(
            f"--knob-clips {given.knob_clips} must be from 0 to {MOST_CLIPS}."
        )
    if given.match_knobs and given.knob_clips == 0:
        raise ConfigError("--match-knobs is about what --knob-clips 0 leaves out.")
    if (given.input is None) != (given.target is None):
        raise ConfigError(
            "--input and --target belong together: the dry audio, and the same through "
            "the amp. Give both, or neither for the run's own."
        )
    if given.input is None and (given.delay or given.channel or given.knob):
        raise ConfigError(
            "--delay, --channel and --knob are about recordings that are given with "
            "--input and --target; without these, the run knows its own."
        )


def written(given: argparse.Namespace) -> None:
    """Makes the page and says where it is."""
    path = fetched(given.run)
    output = given.output or usual_place(given, path)
    with delivered(output) as file:
        refuse_unwritable(file, output)
        # Imported here, so that help and mistakes in the arguments come at once.
        from jaxamp.cli.subject import subject  # noqa: PLC0415
        from jaxamp.report.knobs.plan import MOST_CLIPS as USUAL  # noqa: PLC0415
        from jaxamp.report.run_page import knob_plan, run_page  # noqa: PLC0415
        from jaxamp.report.timing import block_times  # noqa: PLC0415

        keep_compiled()
        about = subject(given, path)
        refuse_no_knobs(given, about.model)
        most = USUAL if given.knob_clips is None else given.knob_clips
        knob_plan(about, most)  # raises before minutes are spent
        times = None if given.no_timing else block_times(about)
        made = run_page(
            about,
            seconds=given.seconds,
            times=times,
            knob_clips=most,
            match_knobs=given.match_knobs,
        )
        write_text(file, made)
    size = len(made.encode()) / 1e6
    print(paragraph(named(f"{output}: {size:.1f} MB. Open it in a browser.")))


def refuse_no_knobs(given: argparse.Namespace, model: Model) -> None:
    """Raises ConfigError for options about knobs that a model does not have."""
    if (given.knob_clips or given.match_knobs) and not model.controls:
        raise ConfigError(
            f"{named(given.run)!r} has no knobs to turn, so --knob-clips and "
            "--match-knobs say nothing about it. Leave them away."
        )


def usual_place(given: argparse.Namespace, path: Path) -> str:
    """Where the page goes that nobody named a place for."""
    if not path.is_dir():
        return f"{given.run}.html"
    folder = str(given.run) if is_url(given.run) else os.fspath(path)
    if given.size is not None:
        from jaxamp.loading import part_folder, refuse_unlike_share  # noqa: PLC0415

        refuse_unlike_share(given.size)
        part = part_folder(path, given.size)
        folder = folder if part == path else f"{folder.rstrip('/')}/{part.name}"
    return f"{folder.rstrip('/')}/report.html"


def refuse_unwritable(file: Path, output: str) -> None:
    """Raises before minutes are spent on what cannot be written."""
    if file.is_dir():
        raise ConfigError(
            f"{output!r} is a folder. Give --output a file, such as report.html."
        )
    if not file.parent.is_dir():
        raise ConfigError(
            f"There is no folder {os.fspath(file.parent)!r} to write the page into. "
            "Make it, or give another --output."
        )
