"""`jaxamp compare DIR…`: one row for each model: size, speed, and ESR over its seeds.

Every run below the folders is read; those that are not finished are counted and left
out. Runs belong to one row if they differ in the seed alone. The table is printed, and
written as comparison.csv, .svg, .png and .html. The page leads to the runs; with
--listen it plays the best run of each row, to be rated blindly against the amp.
"""

import argparse
import dataclasses
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxamp.cli.folder import write_bytes, write_text
from jaxamp.cli.found import Found, find_runs
from jaxamp.cli.main import keep_compiled
from jaxamp.core import ConfigError, JaxampError, RunError
from jaxamp.core.cloud import delivered, fetched, named
from jaxamp.core.shown import paragraph
from jaxamp.report.comparison import HEADINGS, LEGEND, Row, Run, as_csv, rows

LARGEST_BLOCK = 1 << 16

SECONDS, PASSAGES = 8.0, 2
"""What is listened to of each capture, if nothing is said."""

LONGEST_SECONDS, MOST_PASSAGES = 30, 12


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp compare", description=__doc__)
    parser.add_argument("folders", metavar="DIR", nargs="+", help="runs, sweeps, …")
    parser.add_argument(
        "--block", type=int, default=64, help="samples a call, for the real-time factor"
    )
    parser.add_argument(
        "--as-recorded",
        action="store_true",
        help="do not measure the speed here, take the one each run measured",
    )
    parser.add_argument(
        "--output", help="folder for the files; by default the first DIR"
    )
    parser.add_argument(
        "--listen",
        action="store_true",
        help="put a blind rating test into the page: each row's best run and the amp",
    )
    parser.add_argument(
        "--seconds", type=float, help=f"of a passage to rate, at most; {SECONDS:g}"
    )
    parser.add_argument(
        "--passages", type=int, help=f"to rate of each capture, at most; {PASSAGES}"
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """Compares; returns the exit status."""
    given = parser().parse_args(arguments)
    if not 1 <= given.block <= LARGEST_BLOCK:
        raise ConfigError(
            f"--block {given.block} must be from 1 to {LARGEST_BLOCK} samples."
        )
    heard = wanted_sound(given)
    folders = [fetched(folder) for folder in given.folders]
    with delivered(given.output or given.folders[0]) as output:
        compared(folders, output, None if given.as_recorded else given.block, heard)
    return 0


def wanted_sound(given: argparse.Namespace) -> tuple[float, int] | None:
    """Seconds and number of the passages to listen to; None where there is no sound."""
    seconds, passages = given.seconds, given.passages
    if not given.listen:
        if seconds is not None or passages is not None:
            raise ConfigError("--seconds and --passages are for --listen. Give it too.")
        return None
    seconds = SECONDS if seconds is None else seconds
    passages = PASSAGES if passages is None else passages
    if not (1 <= seconds <= LONGEST_SECONDS and 1 <= passages <= MOST_PASSAGES):
        raise ConfigError(
            f"--seconds {seconds:g} must be from 1 to {LONGEST_SECONDS}, and "
            f"--passages {passages} from 1 to {MOST_PASSAGES}."
        )
    return seconds, passages


def compared(
    folders: Sequence[Path],
    output: Path,
    block: int | None,
    heard: tuple[float, int] | None = None,
) -> None:
    """Prints the comparison and writes it into a folder.

    Args:
        block: Samples a call when the speed is measured now; None takes what the runs
            measured themselves.
        heard: Seconds and number of the passages to listen to, if any.
    """
    found = find_runs(folders)
    if not found.runs:
        raise RunError(
            f"There is no finished run in {', '.join(map(named, folders))}"
            f"{nothing_but(found)}. Start the sweep again to go on with it, or give a "
            "folder that holds runs of `jaxamp train`."
        )
    runs = found.runs if block is None else timed(found, block)
    table = rows(runs)
    trials, left_out = sound(table, heard)
    show(table, found.notes())
    write(table, output, found.notes(), trials, left_out)


def sound(
    table: Sequence[Row], heard: tuple[float, int] | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """What is rated in the page, and sentences about what is not."""
    if heard is None:
        return [], []
    from jaxamp.cli.listen import rating_trials  # noqa: PLC0415 (imports JAX)

    return rating_trials(table, *heard)


def timed(found: Found, block: int) -> list[Run]:
    """The runs with their speed on this machine, measured once for each model."""
    from jaxamp.loading import load  # noqa: PLC0415 (imports JAX)
    from jaxamp.stream import realtime_factor  # noqa: PLC0415

    keep_compiled()
    speeds: dict[tuple[str, int], float] = {}
    runs = []
    for one in found.runs:
        kind = one.model, one.sample_rate
        if kind not in speeds:
            try:
                speeds[kind] = realtime_factor(*load(one.place), block=block)
            except JaxampError as error:
                raise RunError(
                    f"The speed of {one.model} cannot be measured: {error} With "
                    "--as-recorded, the speed that each run measured itself is taken."
                ) from error
        timed_run = dataclasses.replace(
            one, realtime_factor=speeds[kind], realtime_block=block
        )
        runs.append(timed_run)
    return runs


def nothing_but(found: Found) -> str:
    """What there is besides finished runs."""
    notes = found.notes()
    return f" ({' '.join(notes)})" if notes else ""


def show(table: Sequence[Row], notes: Sequence[str]) -> None:
    """The table on the terminal, one for each capture."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    for capture in dict.fromkeys(row.capture for row in table):
        listed = Table(
            title=Text(capture), title_justify="left", box=None, pad_edge=False
        )
        for i, heading in enumerate(HEADINGS):
            listed.add_column(
                Text(heading), justify="right" if i else "left", no_wrap=True
            )
        for row in table:
            if row.capture == capture:
                listed.add_row(*[Text(cell(row)) for cell in HEADINGS.values()])
        console.print(listed, markup=False)
        console.print()
    for note in [*notes, LEGEND]:
        console.print(note, markup=False, soft_wrap=True)


def write(
    table: Sequence[Row],
    output: Path,
    notes: Sequence[str],
    trials: Sequence[Mapping[str, Any]],
    left_out: Sequence[str],
) -> None:
    """The files of a comparison."""
    from jaxamp.report.comparison_figure import size_against_esr  # noqa: PLC0415
    from jaxamp.report.comparison_page import comparison_page  # noqa: PLC0415

    output.mkdir(parents=True, exist_ok=True)
    svg = size_against_esr(table, "svg")
    write_text(output / "comparison.csv", as_csv(table))
    write_bytes(output / "comparison.svg", svg)
    write_bytes(output / "comparison.png", size_against_esr(table, "png"))
    page = comparison_page(
        table,
        svg.decode(),
        notes,
        links=addresses(table, output),
        trials=trials,
        left_out=left_out,
        version=version("jaxamp"),
    )
    write_text(output / "comparison.html", page)
    place = paragraph(named(f"{output}{os.sep}comparison.csv"))
    print(f"Written to {place}, .svg, .png and .html.")
    for sentence in left_out:
        print(paragraph(sentence))
    if trials:
        told = f"{len(trials)} passages to rate in the page, {len(page) / 1e6:.1f} MB."
        print(told)


def addresses(table: Sequence[Row], output: Path) -> dict[str, str]:
    """The place of each run -> its address in a page in the folder `output`.

    Runs that are copies from a bucket have none, unless the page lies beside them.
    """
    found = {}
    for place in (run.place for row in table for run in row.runs):
        page = report_of(Path(place))
        copied = any(str(named(path)) != str(path) for path in (page, output))
        if copied and not page.is_relative_to(output.resolve()):
            continue
        try:
            way = Path(os.path.relpath(page, output.resolve())).as_posix()
            found[place] = urllib.parse.quote(way) + "/" * page.is_dir()
        except ValueError:  # on another drive
            found[place] = page.as_uri()
    return found


def report_of(place: Path) -> Path:
    """A run's report, or that of the run it is a size of; the folder without one."""
    for folder in (place, place.parent):
        if (folder / "report.html").is_file() and (
            folder == place or (folder / "sizes.json").is_file()
        ):
            return folder / "report.html"
    return place
