"""How long until something happens: commands, a short file, the first training step?

Wall time of whole processes, imports and compilation included. "First" starts with an
empty cache directory, "again" with what the first left there. The peer imports its
package, reads and plays the same file, or makes its first step.
"""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import ours
import program
import results
import rounds
import soundfile
from peer import Peer

from jaxamp.formats.nam import write_nam

FILE_SECONDS = 10
STEP_TIMEOUT_SECONDS = 120
CACHE = "JAXAMP_CACHE"
"""Environment variable that names the folder of compiled programs."""


def main():
    with (
        program.run(
            "startup", __doc__, cores=2, cases=CASES, headline="jaxamp s"
        ) as bench,
        tempfile.TemporaryDirectory() as folder,
    ):
        place = Place(Path(folder), bench.given.peer_python)
        place.fill()
        for name in bench.cases:
            compare(bench, name, CASES[name], place)
        bench.note(
            "first step: until the first line of metrics.jsonl, which tells of the "
            "first compiled call; it makes one step, as the peer does."
        )


@dataclasses.dataclass(frozen=True)
class Place:
    """Files that the commands use, and where their caches are."""

    folder: Path
    peer_python: str | Path | None

    @property
    def model(self):
        return self.folder / "model.nam"

    @property
    def wav(self):
        return self.folder / "in.wav"

    @property
    def cache(self):
        return self.folder / "cache"

    def fill(self):
        """Writes the model and the audio."""
        x = ours.noise(FILE_SECONDS)
        write_nam(self.model, *ours.model("wavenet/standard"), {})
        soundfile.write(self.wav, x, ours.SAMPLE_RATE)
        np.save(self.folder / "audio.npy", x)

    def forget(self):
        """Empties the cache."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def jaxamp(self, *words):
        """Runs a command; its output is dropped."""
        subprocess.run(
            self.command(*words), env=self.environment(), check=True, stdout=DROPPED
        )

    def command(self, *words):
        return [sys.executable, "-m", "jaxamp", *map(str, words)]

    def environment(self):
        """Python may keep its own compiled modules, as it does for users."""
        theirs = {k: v for k, v in os.environ.items() if k != NO_BYTECODE}
        return theirs | {CACHE: str(self.cache)}


NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
DROPPED = subprocess.DEVNULL


def help_text(place):
    place.jaxamp("--help")


def info(place):
    place.jaxamp("info", place.model)


def reamp(place):
    place.jaxamp("reamp", place.model, place.wav, place.folder / "out.wav")


def first_step(*overrides):
    """Trains until the first step is told of, then ends the run."""

    def run(place):
        runs = place.folder / "run"
        shutil.rmtree(runs, ignore_errors=True)
        words = ("train", *overrides, f"hydra.run.dir={runs}")
        process = subprocess.Popen(
            place.command(*words), env=place.environment(), stdout=DROPPED
        )
        try:
            wait_for_line(runs / "metrics.jsonl", process)
        finally:
            process.kill()
            process.wait()

    return run


def wait_for_line(file, process):
    """Returns as soon as the file has a line."""
    deadline = time.monotonic() + STEP_TIMEOUT_SECONDS
    while not (file.exists() and file.stat().st_size):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"No step was made within {STEP_TIMEOUT_SECONDS} s.")
        time.sleep(0.005)


def peer_import(place):
    subprocess.run([str(place.peer_python), "-c", "import nam"], check=True)


def peer_play(place):
    with contextlib.closing(Peer(place.peer_python)) as peer:
        peer.prepare(
            "offline",
            nam=str(place.model),
            audio=str(place.folder / "audio.npy"),
            answer=str(place.folder / "answer.npy"),
            bare=False,
        )


def peer_step(name):
    """The peer's process from its start to the end of its first step."""

    def run(place):
        model, _ = ours.model(name)
        with contextlib.closing(Peer(place.peer_python)) as peer:
            peer.prepare(
                "training",
                network="WaveNet",
                batch=16,
                inputs=model.warmup + 8192,
                outputs=8192,
                hyperparameters=dict(model.hyperparameters),
            )
            peer.run(1)

    return run


@dataclasses.dataclass(frozen=True)
class Case:
    """A command, the longest it may take, and what the peer does instead."""

    run: object
    seconds: float | None = None
    peer: object = None
    cold: bool = False
    """Begin with an empty cache."""


STANDARD = ("+experiment=nam_a1",)
CASES = {
    "--help": Case(help_text, 0.5, peer_import),
    "info": Case(info, 1.0, peer_import),
    "reamp 10 s, first": Case(reamp, None, peer_play, cold=True),
    "reamp 10 s, again": Case(reamp, 3.0, peer_play),
    "first step, nano, first": Case(
        first_step(), 15, peer_step("wavenet/nano"), cold=True
    ),
    "first step, nano, again": Case(first_step(), 5, peer_step("wavenet/nano")),
    "first step, A1 standard, first": Case(
        first_step(*STANDARD), 15, peer_step("wavenet/standard"), cold=True
    ),
    "first step, A1 standard, again": Case(
        first_step(*STANDARD), 5, peer_step("wavenet/standard")
    ),
}


def compare(bench, name, case, place):
    """One row of the table."""
    sides = {"jaxamp": stopwatch(case.run, place, case.cold)}
    if bench.peer and case.peer:
        sides["peer"] = stopwatch(case.peer, place, False)
    answers = rounds.in_turns(sides, bench.given.rounds)
    times = {side: rounds.Times(seconds) for side, seconds in answers.items()}
    row = {"case": name}
    for side in ("jaxamp", "peer"):
        measured = times.get(side)
        row[f"{side} s"] = measured and measured.median
        row[f"{side} slowest s"] = measured and max(measured.seconds)
    ours_seconds = times["jaxamp"].median
    wanted = [results.at_most(ours_seconds, case.seconds, " s")] if case.seconds else []
    bench.add(**row, ratio=rounds.ratio(times), **results.all_aims(*wanted))


def stopwatch(run, place, cold):
    """Function without arguments that answers how many seconds the run took."""

    def timed():
        if cold:
            place.forget()
        begin = time.perf_counter()
        run(place)
        return time.perf_counter() - begin

    return timed


if __name__ == "__main__":
    main()
