"""`jaxamp compare DIR…`: one row for each model: size, speed, and ESR over its seeds.

Every run below the folders is read; those that are not finished are counted and left
out. Runs belong to one row if they differ in the seed alone. The table is printed, and
written as comparison.csv, .svg, .png and .html.
"""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

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
    return parser


def run(arguments: Sequence[str]) -> int:
    """Compares; returns the exit status."""
    given = parser().parse_args(arguments)
    if not 1 <= given.block <= LARGEST_BLOCK:
        raise ConfigError(
            f"--block {given.block} must be from 1 to {LARGEST_BLOCK} samples."
        )
    folders = [fetched(folder) for folder in given.folders]
    with delivered(given.output or given.folders[0]) as output:
        compared(folders, output, None if given.as_recorded else given.block)
    return 0


def compared(folders: Sequence[Path], output: Path, block: int | None) -> None:
    """Prints the comparison and writes it into a folder.

    Args:
        block: Samples a call when the speed is measured now; None takes what the runs
            measured themselves.
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
    show(table, found.notes())
    write(table, output, found.notes())


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


def write(table: Sequence[Row], output: Path, notes: Sequence[str]) -> None:
    """The files of a comparison."""
    from jaxamp.report.comparison_figure import size_against_esr  # noqa: PLC0415
    from jaxamp.report.comparison_page import comparison_page  # noqa: PLC0415

    output.mkdir(parents=True, exist_ok=True)
    svg = size_against_esr(table, "svg")
    write_text(output / "comparison.csv", as_csv(table))
    write_bytes(output / "comparison.svg", svg)
    write_bytes(output / "comparison.png", size_against_esr(table, "png"))
    page = comparison_page(table, svg.decode(), notes)
    write_text(output / "comparison.html", page)
    place = paragraph(named(f"{output}{os.sep}comparison.csv"))
    print(f"Written to {place}, .svg, .png and .html.")
