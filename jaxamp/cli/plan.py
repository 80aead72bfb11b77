"""`jaxamp plan --knobs gain,bass`: which settings of an amp to record, in which order.

Writes a worksheet to print and tick off, and the manifest that `jaxamp train
data=knobs` reads once the recordings lie beside it.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxamp.cli.folder import write_text
from jaxamp.core import ConfigError
from jaxamp.core.shown import paragraph, shown

if TYPE_CHECKING:
    from jaxamp.data.manifest import Knob
    from jaxamp.data.plan import Plan

MANIFEST, WORKSHEET = "knobs.yaml", "worksheet.html"

LONGEST_MINUTES = 600.0


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp plan", description=__doc__)
    parser.add_argument(
        "--knobs", required=True, metavar="NAME,…", help="the knobs, as on the amp"
    )
    parser.add_argument(
        "--settings", type=int, default=20, help="how many to record; 20 by default"
    )
    parser.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="NAME=LOW..HIGH",
        help="how far a knob goes on the amp's face; 0..10 unless told",
    )
    parser.add_argument(
        "--step", type=float, default=0.5, help="of the dials; 0.5 by default"
    )
    parser.add_argument(
        "--corners",
        type=int,
        help="how many have every knob fully up or down; by default all of those, but "
        "at most a third of the settings",
    )
    parser.add_argument(
        "--minutes-per-setting",
        type=float,
        default=1.0,
        help="of playing; 1 by default",
    )
    parser.add_argument(
        "--input",
        default="dry.wav",
        help="the name of the file that is played into the amp; dry.wav by default",
    )
    parser.add_argument("--seed", type=int, default=0, help="draws the settings")
    parser.add_argument(
        "--output", default="plan", help="folder for the files; plan by default"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier plan there"
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """Plans; returns the exit status."""
    given = parser().parse_args(arguments)
    knobs = wanted_knobs(given)
    if not 0 < given.minutes_per_setting <= LONGEST_MINUTES:
        raise ConfigError(
            f"--minutes-per-setting {given.minutes_per_setting:g} must be above 0 and "
            f"at most {LONGEST_MINUTES:g}."
        )
    if given.seed < 0:
        raise ConfigError(f"--seed {given.seed} must be 0 or more.")
    folder = Path(given.output)
    refuse_used(folder, overwrite=given.overwrite)
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.data.plan import plan  # noqa: PLC0415
    from jaxamp.report.worksheet import worksheet  # noqa: PLC0415

    made = plan(
        knobs,
        given.settings,
        step=given.step,
        corners=given.corners,
        seed=given.seed,
    )
    files = file_names(len(made.values))
    told = in_words(made, given.minutes_per_setting)
    page = worksheet(
        [knob.name for knob in knobs],
        made.values,
        files,
        dry=given.input,
        manifest=MANIFEST,
        told=told,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MANIFEST, manifest(made, given.input, files))
    write_text(folder / WORKSHEET, page)
    places = (
        f"{shown(folder / WORKSHEET)} to print, {shown(folder / MANIFEST)} to train"
    )
    print(paragraph(f"{told} Written to {places} on."))
    return 0


def wanted_knobs(given: argparse.Namespace) -> "list[Knob]":
    """The knobs and how far they go.

    Raises:
        ConfigError: No names, two alike, or a range that is none.
    """
    from jaxamp.data.manifest_file import is_knob_name  # noqa: PLC0415

    names = [name.strip() for name in given.knobs.split(",")]
    odd = [name for name in names if not is_knob_name(name)]
    if odd or len(set(names)) < len(names):
        raise ConfigError(
            f"--knobs {given.knobs!r} must be different names with commas between, for "
            "example --knobs gain,bass,mid,treble."
        )
    ranges = dict(range_of(text, names) for text in given.range)
    return [ranges.get(name) or knob(name, 0.0, 10.0) for name in names]


def knob(name: str, low: float, high: float) -> "Knob":
    """A knob of that range."""
    from jaxamp.data.manifest import Knob  # noqa: PLC0415

    return Knob(name, low, high)


def range_of(text: str, names: Sequence[str]) -> "tuple[str, Knob]":
    """`gain=0..10`, understood."""
    name, _, ends = text.rpartition("=")
    low, _, high = ends.partition("..")
    if name not in names:
        raise ConfigError(
            f"--range {text!r} is of none of the knobs, {', '.join(names)}. Write it "
            f"as {names[0]}=0..10."
        )
    try:
        first, last = float(low), float(high)
        if not -1e6 < first < last < 1e6:
            raise ValueError(text)
    except ValueError:
        raise ConfigError(
            f"--range {text!r} must be two numbers, the lower first, for example "
            f"{name}=0..10."
        ) from None
    return name, knob(name, first, last)


def refuse_used(folder: Path, *, overwrite: bool) -> None:
    """Raises rather than replacing an earlier plan, by which half may be recorded."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is no folder. Give another --output.")
    for name in (MANIFEST, WORKSHEET):
        if (folder / name).exists() and not overwrite:
            raise ConfigError(
                f"{str(folder / name)!r} is there already. Give another --output, or "
                "--overwrite to lose it."
            )


def file_names(count: int) -> list[str]:
    """`01.wav`, `02.wav`, …, in the order of the plan."""
    digits = max(2, len(str(count)))
    return [f"{i + 1:0{digits}}.wav" for i in range(count)]


def manifest(made: "Plan", dry: str, files: Sequence[str]) -> str:
    """The manifest's YAML, in which every value is written as JSON."""
    word = json.dumps
    knobs = [
        f"  {word(one.name)}: {{range: [{one.low:g}, {one.high:g}]}}"
        for one in made.knobs
    ]
    rows = []
    for file, values in zip(files, made.values, strict=True):
        pairs = zip(made.knobs, values, strict=True)
        turned = ", ".join(f"{word(one.name)}: {value:g}" for one, value in pairs)
        rows.append(f"  - {{target: {word(file)}, knobs: {{{turned}}}}}")
    return "\n".join(
        [
            "# What was played into the amp, and what came out at each setting. Put in",
            "# where the knobs truly stood; validation: true keeps a setting from",
            "# training, otherwise data.validation_share chooses some.",
            f"input: {word(dry)}",
            "knobs:",
            *knobs,
            "recordings:",
            *rows,
            "",
        ]
    )


def in_words(made: "Plan", minutes: float) -> str:
    """How much there is to do."""
    count = len(made.values)
    saved = made.moves_unordered - made.moves
    return (
        f"{count} settings of {len(made.knobs)} knobs, {made.corners} of them corners, "
        f"{minutes:g} min each: {count * minutes:g} min of playing. In this order "
        f"knobs are turned {made.moves} times, {saved} fewer than as drawn."
    )
