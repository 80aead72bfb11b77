"""Are mutated model files read or refused, and nothing else?

    uv run python experiments/012_mutated_files/run.py FILE_OR_FOLDER…

Makes `--count` files out of the whole ones of each format that can be read, and then
some as large as any that are read; reads them in a process of its own that is watched,
and plays some of those that were read. Prints a table. Exits with 1 if a file made the
reader crash, hang or take more than 500 MB, and keeps such files.
"""

import argparse
import dataclasses
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mutations import Seeds, fitted
from swollen import COUNT, swollen
from workers import Outcome, Worker, player, reader

from jaxamp import formats
from jaxamp.core import ConfigError, FormatError
from jaxamp.models import build

LIMIT = 500 * 10**6
"""Bytes of memory beyond what the imports take."""

PLAYED_EVERY = 20
"""One in so many of the files that were read is played."""

OWN = {
    "wavenet": (
        "WaveNet",
        {"arrays": [{"channels": 2, "dilations": [1, 3], "head_size": 1}]},
    ),
    "lstm": ("LSTM", {"hidden": [3, 3]}),
    "lstm_40": ("LSTM", {"hidden": [40], "skip": True, "sample_rate": 44_100}),
    "lstm_20": ("LSTM", {"hidden": [20], "skip": True, "sample_rate": 44_100}),
    "lstm_8": ("LSTM", {"hidden": [8]}),
    "gru_8": ("GRU", {"cell": "GRU", "hidden": [8]}),
    "gru_32": ("GRU", {"cell": "GRU", "hidden": [32], "skip": True}),
    "convnet": ("ConvNet", {"channels": 2, "dilations": [1, 2]}),
    "linear": ("Linear", {"receptive_field": 5, "bias": True}),
}
"""Models that a format is given to write, as far as it has words for them."""


@dataclasses.dataclass
class Tally:
    """What became of the files of one format."""

    seeds: int
    kinds: Counter[str] = dataclasses.field(default_factory=Counter)
    peak: int = 0
    slowest: float = 0.0
    wordiest: int = 0

    def count(self, outcome: Outcome) -> bool:
        """Adds one file; returns whether it did what no file may."""
        self.kinds[outcome.kind] += 1
        self.peak = max(self.peak, outcome.peak)
        self.slowest = max(self.slowest, outcome.seconds)
        if outcome.kind == "refused":
            self.wordiest = max(self.wordiest, len(outcome.message))
        large = outcome.peak > LIMIT
        self.kinds["large"] += large
        return large or outcome.kind in ("crashed", "hung")

    @property
    def bad(self) -> int:
        """Files that did what no file may."""
        return self.kinds["crashed"] + self.kinds["hung"] + self.kinds["large"]


def main() -> int:
    """Runs; returns the exit status."""
    given = arguments()
    given.keep.mkdir(parents=True, exist_ok=True)
    bad = 0
    print(HEAD, flush=True)
    for name in given.format or readable():
        files = seeds_of(name, given.seeds)
        tally, played = Tally(len(files)), Tally(len(files))
        try_all(name, Seeds(files), given, tally, played)
        print(row(name, tally, played), flush=True)
        bad += tally.bad + played.bad
    return 1 if bad else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=Path, help="whole files, or folders")
    parser.add_argument("--count", type=int, default=10_000, help="of each format")
    parser.add_argument(
        "--swollen", type=int, default=COUNT, help="huge files, at most"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", action="append", choices=readable())
    parser.add_argument("--seconds", type=float, default=10.0, help="to read a file in")
    parser.add_argument(
        "--play", type=int, default=20, help="at most; compiling is slow"
    )
    parser.add_argument("--play-seconds", type=float, default=120.0)
    parser.add_argument("--keep", type=Path, default=Path("runs/mutated_files"))
    return parser.parse_args()


def readable() -> list[str]:
    """The formats that can be read."""
    return [name for name, row in formats.FORMATS.items() if row.read is not None]


def try_all(
    name: str, seeds: Seeds, given: argparse.Namespace, tally: Tally, played: Tally
) -> None:
    """Makes, reads and plays the files of one format."""
    suffix = formats.FORMATS[name].suffix
    read = Worker(reader, name, given.seconds, LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"amp{suffix}"
        for index, (data, value) in enumerate(wrong_files(name, seeds, given)):
            outcome = read_fitted(read, path, data, value)
            if tally.count(outcome):
                keep(given.keep / f"{name}_{index}{suffix}", path, outcome)
            turn = outcome.kind == "read" and tally.kinds["read"] % PLAYED_EVERY == 1
            if turn and sum(played.kinds.values()) < given.play:
                play = Worker(player, name, given.play_seconds, LIMIT)
                outcome = play(path)
                play.stop()
                if played.count(outcome):
                    keep(given.keep / f"{name}_{index}_played{suffix}", path, outcome)
    read.stop()


def wrong_files(
    name: str, seeds: Seeds, given: argparse.Namespace
) -> Iterator[tuple[bytes, Any]]:
    """Each file, and its JSON value where it may yet be filled up with weights."""
    for index in range(given.count):
        yield seeds.mutated(random.Random(f"{given.seed} {name} {index}"))
    if seeds.values:
        whole = min(seeds.files, key=len)
        for index in range(min(given.swollen, COUNT)):
            yield swollen(whole, index), None


def read_fitted(read: Worker, path: Path, data: bytes, value: Any) -> Outcome:
    """What becomes of a file, and of one with as many weights as its config wants."""
    path.write_bytes(data)
    outcome = read(path)
    filled = fitted(value, outcome.message) if outcome.kind == "refused" else None
    if filled is None:
        return outcome
    path.write_bytes(filled)
    return read(path)


def keep(target: Path, path: Path, outcome: Outcome) -> None:
    """A file that did what no file may, and what it did."""
    target.write_bytes(path.read_bytes())
    said = f"{outcome.kind} {outcome.seconds:.1f} s {outcome.peak} bytes"
    target.with_suffix(".txt").write_text(f"{said}\n{outcome.message}")
    print(f"{target}: {said}", file=sys.stderr)


def seeds_of(name: str, places: list[Path]) -> list[bytes]:
    """Whole files of a format: those given, and one of each model it can write."""
    files = [file for place in places for file in sorted(everything(place))]
    chosen = [file.read_bytes() for file in files if belongs(file, name)]
    return chosen + own_files(name)


def everything(place: Path) -> list[Path]:
    return [f for f in place.rglob("*") if f.is_file()] if place.is_dir() else [place]


def belongs(file: Path, name: str) -> bool:
    """Whether a file has the format's suffix, or can be read by it."""
    if file.suffix.lower() == formats.FORMATS[name].suffix:
        return True
    try:
        formats.read(file, format=name)
    except (FormatError, ConfigError):
        return False
    return True


def own_files(name: str) -> list[bytes]:
    """The models that the format has words for, written by jaxamp itself."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "amp"
        for architecture, options in OWN.values():
            model = build(architecture, options)
            try:
                formats.write(path, model, drawn(model), format=name)
            except FormatError:
                continue
            files.append(path.read_bytes())
    return files


def drawn(model):
    """Parameters that mean nothing."""
    import jax  # noqa: PLC0415 (reading needs none)

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    chance = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: 0.3 * chance.standard_normal(leaf.shape).astype(np.float32), shapes
    )


HEAD = """\
| format | whole files | read | refused | crashed | hung | over 500 MB | peak MB | \
slowest s | longest refusal | played | not played | peak MB |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def row(name: str, tally: Tally, played: Tally) -> str:
    """One line of the table."""
    kinds = tally.kinds
    cells = [
        name,
        tally.seeds,
        *(kinds[kind] for kind in ("read", "refused", "crashed", "hung", "large")),
        f"{tally.peak / 1e6:.0f}",
        f"{tally.slowest:.2f}",
        f"{tally.wordiest} characters",
        played.kinds["read"],
        sum(played.kinds.values()) - played.kinds["read"],
        f"{played.peak / 1e6:.0f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())
