"""Kills, full disks and damage: is anything lost, and does every run end alike?

    python experiments/015_nothing_lost/run.py [--kills 50] [--only kills damage …]

A short training (LSTM 1x8 on the demo) is made once without being disturbed. Then it is
disturbed in every way below, started again until it is done, and compared: the numbers
of result.json, the bytes of model.nam without its date, and every array of the newest
checkpoint, optimiser and best state included. Writes numbers.json beside it.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml
from absl import logging
from child import marked_main

import jaxamp.cli.complete
import jaxamp.cli.job
import jaxamp.cli.train
from jaxamp.cli.main import main as jaxamp
from jaxamp.formats import read
from jaxamp.train import Checkpoints, read_lines

for name in (
    "matplotlib.backends.backend_agg", "matplotlib.figure", "pyloudnorm",
    "scipy.signal", "tensorboardX", "tensorboardX.proto.event_pb2",
    "hydra._internal.hydra",
):  # fmt: skip
    importlib.import_module(name)  # what children would import when they need it

HERE = Path(__file__).resolve().parent
PHASES = ("start", "compile", "step", "validation", "checkpoint", "export")
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM}
LIVES = 7
"""Kills of one run, at most; then it may finish."""

CONFIG = (
    "model=lstm/1x8",
    "data.seconds=4",
    "data.validation_seconds=1",
    "loss=mse",
    "train.outputs=512",
    "train.batch=4",
    "train.burn_in=256",
    "train.steps=600",
    "train.validate_every=100",
    "train.average_decay=0.9",
)

STUDIES = ("kills", "slow", "disk", "damage", "two")

LARGE = (
    "model=wavenet/standard",
    "data.validation_seconds=12",
    "train.outputs=1024",
    "train.batch=1",
    "train.steps=2",
    "train.validate_every=1",
)
"""A model that compiles and validates for long."""

CLOCKS = ("seconds", "samples_per_second", "realtime_factor", "date")
"""Numbers that a clock made."""


def main() -> None:
    """Everything that was asked for, and its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--place", type=Path, help="where to work; what was made there before is used"
    )
    parser.add_argument("--out", type=Path, default=HERE / "numbers.json")
    parser.add_argument("--only", nargs="*", default=list(STUDIES))
    given = parser.parse_args()
    logging.get_absl_handler().python_handler.stream = sys.__stderr__
    logging.set_verbosity(logging.ERROR)  # Orbax thinks aloud
    place = given.place or Path(tempfile.mkdtemp(prefix="nothing_lost_"))
    place.mkdir(parents=True, exist_ok=True)
    os.environ["JAXAMP_CACHE"] = str(place / "cache")
    reference, pace = whole(place)
    file = given.out
    numbers = json.loads(file.read_text()) if file.exists() else {}
    for name in given.only:
        begin = time.time()
        numbers[name] = globals()[name](place, reference, pace, given)
        numbers[name]["minutes"] = round((time.time() - begin) / 60, 1)
        print(json.dumps({name: numbers[name]}, indent=1), flush=True)
        file.write_text(json.dumps(numbers, indent=1) + "\n")
    if not given.place:
        shutil.rmtree(place)


# --- processes -----------------------------------------------------------------------


class Child:
    """A function in a process of its own, forked after all that is imported.

    So a start costs no seconds of imports; the parent never uses JAX itself.
    """

    def __init__(self, function, *arguments, environment=None, limit=None):
        self.files = [tempfile.TemporaryFile("w+") for _ in "oe"]  # noqa: SIM115
        self.begun, self.returncode = time.time(), None
        self.pid = os.fork()
        if self.pid == 0:
            for number, file in enumerate(self.files, 1):
                os.dup2(file.fileno(), number)
            os.environ.update(environment or {})
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            status = 1
            try:
                status = function(*arguments)
            finally:
                with contextlib.suppress(OSError):
                    sys.stdout.flush()
                os._exit(status)

    def poll(self) -> int | None:
        """How it ended, or None."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def communicate(self, timeout: float = 600) -> tuple[str, str]:
        """Waits for its end; what it printed and what it complained of."""
        limit = time.time() + timeout
        while self.poll() is None:
            if time.time() > limit:
                self.send_signal(signal.SIGKILL)
            time.sleep(0.005)
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read())
            file.close()
        return texts[0], texts[1]


def begin(
    folder: Path,
    phases: Path,
    cache: bool = True,
    limit: int | None = None,
    config: tuple[str, ...] = CONFIG,
) -> Child:
    """A training in a process of its own."""
    phases.unlink(missing_ok=True)
    environment = {} if cache else {"JAXAMP_CACHE": "off"}
    command = ["train", *config, f"hydra.run.dir={folder}"]
    return Child(marked_main, phases, command, environment=environment, limit=limit)


def again(folder: Path, *more: str) -> tuple[int, str, str]:
    """The training once more, undisturbed: status, what it printed, complained of."""
    command = ["train", *CONFIG, *more, f"hydra.run.dir={folder}"]
    child = Child(jaxamp, command)
    out, err = child.communicate()
    return child.poll() or 0, out, err


def entered(phases: Path) -> list[tuple[str, float]]:
    """The phases so far, and when each began."""
    lines = phases.read_text().splitlines() if phases.exists() else []
    return [(line.split()[0], float(line.split()[1])) for line in lines if " " in line]


def whole(place: Path) -> tuple[Path, dict[str, float]]:
    """The run that nobody disturbs, made twice: the second with compiled programs.

    Returns:
        Its folder, and how long each phase lasts.
    """
    known = place / "pace.json"
    if known.exists():
        return place / "whole", json.loads(known.read_text())
    for name in ("first", "whole"):
        running = begin(place / name, place / "phases")
        out, err = running.communicate()
        assert running.returncode == 0, out + err
    found = [*entered(place / "phases"), ("", time.time())]
    lasted: dict[str, list[float]] = {}
    for (phase, start), (_, end) in pairwise(found):
        lasted.setdefault(phase, []).append(end - start)
    assert not differences(place / "first", place / "whole")
    pace = {phase: float(np.max(each)) for phase, each in lasted.items()}
    known.write_text(json.dumps(pace))
    return place / "whole", pace


# --- what must be true ---------------------------------------------------------------


def differences(folder: Path, other: Path) -> list[str]:
    """What two finished runs do not share; looked at in a process of its own."""

    def look() -> int:
        print(json.dumps(unlike(folder, other)))
        return 0

    out, err = Child(look).communicate()
    return json.loads(out) if out else [err[-500:]]


def unlike(folder: Path, other: Path) -> list[str]:
    """What two finished runs do not share."""
    found = []
    results = [json.loads((f / "result.json").read_text()) for f in (folder, other)]
    if timeless(results[0]) != timeless(results[1]):
        found.append("result.json")
    models = [json.loads((f / "model.nam").read_text()) for f in (folder, other)]
    texts = [json.dumps(timeless(model)) for model in models]
    if texts[0] != texts[1]:
        found.append("model.nam")
    one, two = arrays(folder), arrays(other)
    if one.keys() != two.keys() or any(
        one[name].tobytes() != two[name].tobytes() for name in one
    ):
        found.append("checkpoint")
    return found


def timeless(value):
    """A JSON value without the numbers that a clock made."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in CLOCKS}
    return value


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """Every array of the newest checkpoint."""
    checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
    try:
        return checkpoints.stored(checkpoints.steps()[0])[1]
    finally:
        checkpoints.close()


def halves(folder: Path) -> list[str]:
    """Files that are under their final name and not whole."""
    parsers = {
        "result.json": lambda f: json.loads(f.read_text())["train"]["stopped"],
        "model.nam": read,
        "metadata.json": lambda f: json.loads(f.read_text()),
        "capture.json": lambda f: json.loads(f.read_text()),
        "config.yaml": lambda f: yaml.safe_load(f.read_text())["train"]["steps"],
        "first_look.png": lambda f: f.read_bytes().index(b"IEND\xaeB`\x82"),
    }
    found = []
    for name, parse in parsers.items():
        if (folder / name).exists():
            try:
                parse(folder / name)
            except Exception as error:
                found.append(f"{name}: {error}")
    return found


def newest(folder: Path) -> int:
    """The step of the newest checkpoint, 0 if there is none."""
    found = [int(f.name) for f in folder.glob("checkpoints/*") if f.name.isdigit()]
    return max(found, default=0)


def untrue(folder_newest: int, out: str) -> bool:
    """Whether a start does not say, or says wrongly, where it goes on."""
    return folder_newest > 0 and f"Going on from step {folder_newest} of" not in out


# --- kills ---------------------------------------------------------------------------


def kills(place: Path, reference: Path, pace: dict[str, float], given) -> dict:
    """Runs killed in every phase by either signal, until enough were."""
    dice = random.Random(given.seed)
    tried, survived, late = Counter(), Counter(), []
    endings, alike, faults, redone = 0, 0, [], 0
    aims = [(phase, name) for phase in PHASES for name in SIGNALS]
    number, numbers = 0, {}
    while sum(tried.values()) < given.kills:
        folder, number = place / f"killed_{number}", number + 1
        mine, done = Counter(), False
        while not done:
            aim = aims[sum(tried.values()) % len(aims)]
            if sum(mine.values()) >= LIVES:
                aim = (None, None)
            before = newest(folder)
            made = life(folder, place / "phases", aim, pace, dice)
            if made["killed"]:
                mine[made["phase"], aim[1]] += 1
                tried[made["phase"], aim[1]] += 1
                if aim[1] == "SIGTERM":
                    late.append(made["seconds"])
                redone += max(0, made["told"] - newest(folder))
            done = made["status"] == 0
            faults += made["faults"] + halves(folder)
            if made["begun"] and untrue(before, made["out"]):
                faults.append(f"went on from {before}, said {made['out'][:200]!r}")
        wrong = differences(folder, reference)
        endings, alike = endings + 1, alike + (not wrong)
        faults += [f"{folder.name} differs in {one}" for one in wrong]
        if not wrong:
            survived += mine
            shutil.rmtree(folder)
        numbers = {
            "kills survived of tried": {
                f"{name} in {phase}": f"{survived[phase, name]} of {tried[phase, name]}"
                for phase in PHASES
                for name in SIGNALS
            },
            "kills": f"{survived.total()} of {tried.total()}",
            "bit-identical endings": f"{alike} of {endings}",
            "steps told of and made again": redone,
            "seconds from SIGTERM to the end": sorted(round(one, 2) for one in late),
            "faults": faults,
        }
        print(json.dumps(numbers), flush=True)
    return numbers


def life(folder: Path, phases: Path, aim, pace: dict[str, float], dice) -> dict:
    """Starts the run, and kills it where it was aimed at, if it gets there."""
    phase, name = aim
    running = begin(folder, phases, cache=phase != "compile")
    wanted = dice.randint(1, 3) if phase in ("step", "validation", "checkpoint") else 1
    killed = False
    while phase and running.poll() is None:
        if sum(one == phase for one, _ in entered(phases)) >= wanted:
            time.sleep(dice.uniform(0.0, pace.get(phase, 1.0)))
            killed = running.poll() is None
            break
        time.sleep(0.005)
    sent = time.time()
    if killed:
        running.send_signal(SIGNALS[name])
    out, err = running.communicate()
    seconds = time.time() - sent
    found = [one for one, when in entered(phases) if when <= sent]
    faults = []
    if "Traceback" in err or "unexpectedly" in err:
        faults.append(err[-2000:])
    legal = {-9} if killed and name == "SIGKILL" else {130, -15} if killed else {0}
    if running.returncode not in legal | {0}:
        faults.append(f"status {running.returncode} after {aim}: {err[-500:]}")
    if killed and name == "SIGTERM" and seconds > 10:
        faults.append(f"{seconds:.1f} s to end after SIGTERM in {found[-1:]}")
    told = folder / "metrics.jsonl"
    rows = read_lines(told) if told.exists() else []  # killed before it was there
    return {
        "killed": killed and running.returncode != 0,
        "phase": found[-1] if found else "start",
        "status": running.returncode,
        "seconds": seconds,
        "begun": any(one in PHASES[1:] for one in found),
        "told": rows[-1]["step"] if rows else 0,
        "out": out,
        "faults": faults,
    }


# --- what takes long -----------------------------------------------------------------


def slow(place: Path, reference: Path, pace: dict[str, float], given) -> dict:
    """SIGTERM within a compilation and a validation that last longer than the grace."""
    del reference, pace, given
    table, faults = {}, []
    for phase, kept in (("compile", 0), ("validation", 1)):
        folder = place / f"slow_{phase}"
        running = begin(folder, place / "phases", cache=False, config=LARGE)
        wait_for(place / "phases", phase, running)
        time.sleep(2)
        sent = time.time()
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate()
        seconds = time.time() - sent
        table[phase] = {
            "seconds to the end": round(seconds, 2),
            "status": running.returncode,
            "said": err.strip().splitlines()[-1:],
            "newest checkpoint": newest(folder),
        }
        fine = running.returncode == 130 and seconds <= 10 and "Traceback" not in err
        if not fine or newest(folder) != kept:
            faults.append(f"{phase}: {table[phase]} {err[-500:]}")
    return {"cases": table, "faults": faults}


# --- damage ---------------------------------------------------------------------------


def cut_run(place: Path) -> Path:
    """A run that was ended after 400 of its 600 steps, as a plan of fewer does."""
    folder = place / "cut"
    if not folder.exists():
        status, out, err = here(folder, "train.steps=400", "schedule.decay_steps=600")
        assert status == 0, out + err
    return folder


def damage(place: Path, reference: Path, pace: dict[str, float], given) -> dict:
    """One bit of each file flipped, each file removed, every checkpoint damaged."""
    del pace

    def look() -> int:
        print(json.dumps(damaged(place, reference, given.seed)))
        return 0

    out, err = Child(look).communicate(3600)
    return json.loads(out) if out else {"faults": [err[-2000:]]}


def damaged(place: Path, reference: Path, seed: int) -> dict:
    """The same; all in one process, which has compiled everything."""
    dice, cut = random.Random(seed), cut_run(place)
    files = sorted(f.relative_to(cut) for f in cut.rglob("*") if f.is_file())
    harms = {"bit flipped": flip, "removed": remove}
    table: dict[str, Counter] = {}
    faults, last = [], [("every checkpoint flipped", None), ("newest truncated", None)]
    for harm, file in [(harm, f) for harm in harms for f in files] + last:
        folder = place / "damaged"
        shutil.copytree(cut, folder)
        if file is not None:
            harms[harm](folder / file, dice)
        elif harm == "newest truncated":
            for one in (folder / "checkpoints" / "400").rglob("*"):
                truncate(one, dice)
        else:
            for one in folder.glob("checkpoints/*/record/metadata"):
                flip(one, dice)
        status, out, err = here(folder)
        wrong = ["status"] if status else unlike(folder, reference)
        counts = table.setdefault(harm, Counter())
        counts["tried"] += 1
        counts["ended alike"] += not wrong
        counts["told of damage"] += "is damaged" in err
        said = [line for line in out.splitlines() if "Going on from" in line]
        counts[said[0].strip(".") if said else "Beginning anew"] += 1
        if wrong or "Traceback" in err or "unexpectedly" in err:
            faults.append(f"{harm} {file}: {status} {wrong} {err[-700:]}")
        print(harm, file, status, wrong, err[:200], file=sys.stderr, flush=True)
        shutil.rmtree(folder)
    return {"files": len(files), "cases": table, "faults": faults}


def here(folder: Path, *more: str) -> tuple[int, str, str]:
    """The training in this process: status, what it printed, complained of."""
    out, err = io.StringIO(), io.StringIO()
    command = ["train", *CONFIG, *more, f"hydra.run.dir={folder}"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = jaxamp(command)
    return status, out.getvalue(), err.getvalue()


def flip(file: Path, dice: random.Random) -> None:
    """Changes one bit."""
    data = bytearray(file.read_bytes())
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        file.write_bytes(data)


def remove(file: Path, dice: random.Random) -> None:
    """Takes the file away."""
    del dice
    file.unlink()


def truncate(file: Path, dice: random.Random) -> None:
    """Cuts the file somewhere."""
    if file.is_dir():
        return
    data = file.read_bytes()
    file.write_bytes(data[: dice.randrange(max(1, len(data)))])


# --- disks ---------------------------------------------------------------------------


def disk(place: Path, reference: Path, pace: dict[str, float], given) -> dict:
    """Files that may not grow, a disk that fills up, one that becomes read-only."""
    del pace, given
    table, faults = {}, []
    for limit in (200, 1000, 2500, 5000, 20_000, 60_000):
        folder = place / f"limit_{limit}"
        running = begin(folder, place / "phases", limit=limit)
        told(table, faults, f"no file above {limit} bytes", folder, running, reference)
    for left in (0, 4096, 40_960, 200_000):
        folder = place / "tmpfs"
        with small_disk(folder):
            running = begin(folder / "run", place / "phases")
            wait_for(place / "phases", "step", running)
            fill(folder, left)
            told(
                table, faults, f"disk filled up to {left} bytes", folder / "run",
                running, reference, lambda f=folder: (f / "ballast").unlink(),
            )  # fmt: skip
    read_only(place, reference, table, faults)
    return {"cases": table, "faults": faults}


def read_only(place: Path, reference: Path, table, faults) -> None:
    """A disk that becomes read-only, and one that is."""
    folder = place / "tmpfs"
    with small_disk(folder):
        running = begin(folder / "run", place / "phases")
        wait_for(place / "phases", "step", running)
        remount(folder, "ro")
        told(
            table, faults, "read-only from the middle on", folder / "run", running,
            reference, lambda: remount(folder, "rw"),
        )  # fmt: skip
    with small_disk(folder):
        remount(folder, "ro")
        running = begin(folder / "run", place / "phases")
        told(
            table, faults, "read-only from the start", folder / "run", running,
            reference, lambda: remount(folder, "rw"),
        )  # fmt: skip


def told(table, faults, name, folder, running, reference, mend=lambda: None) -> None:
    """Waits for the end in trouble, mends it, starts again, and writes down both."""
    _, err = running.communicate()
    bad = halves(folder)
    mend()
    before = newest(folder)
    status, out, more = again(folder)
    wrong = ["status"] if status else differences(folder, reference)
    table[name] = {
        "status": running.returncode,
        "said": err.strip()[-300:].replace(str(folder.parent), "…"),
        "half-written": bad,
        "then": f"from step {before}, {wrong or 'alike'}",
    }
    fine = running.returncode in (0, 2) and "Traceback" not in err + more
    if bad or wrong or not fine or untrue(before, out):
        faults.append(f"{name}: {running.returncode} {bad} {wrong} {err[-900:]} {more}")


@contextlib.contextmanager
def small_disk(folder: Path):
    """A disk of its own of 80 MiB."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "x", folder], check=True)
    try:
        yield
    finally:
        while os.path.ismount(folder):
            subprocess.run(["umount", folder], check=True)


def remount(folder: Path, mode: str) -> None:
    """Makes the disk read-only or not.

    By a mount over it, because files that are open for writing keep a disk itself
    from becoming read-only.
    """
    if mode == "ro":
        subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", f"remount,bind,{mode}", folder], check=True)


def fill(folder: Path, left: int) -> None:
    """Leaves so many bytes on the disk."""
    free = shutil.disk_usage(folder).free
    with (folder / "ballast").open("wb") as file:
        file.write(bytes(max(0, free - left)))


def wait_for(phases: Path, phase: str, running) -> None:
    """Until the process has entered a phase."""
    while running.poll() is None and phase not in [one for one, _ in entered(phases)]:
        time.sleep(0.005)


# --- two at once ---------------------------------------------------------------------


def two(place: Path, reference: Path, pace: dict[str, float], given) -> dict:
    """A second process on a run that is going on."""
    del pace, given
    table, faults = {}, []
    for phase in ("compile", "step", "validation", "export"):
        folder = place / f"two_{phase}"
        first = begin(folder, place / "phases", cache=phase != "compile")
        wait_for(place / "phases", phase, first)
        second = begin(folder, place / "other_phases")
        _, err = second.communicate()
        still = first.poll() is None
        _, more = first.communicate()
        wrong = ["status"] if first.returncode else differences(folder, reference)
        said = "Another jaxamp is working in" in err
        table[phase] = {
            "second refused": second.returncode == 2 and said,
            "first still at work": still,
            "first ended alike": not wrong,
        }
        if wrong or (still and not (second.returncode == 2 and said)):
            faults.append(f"{phase}: {second.returncode} {wrong} {err} {more}")
    return {"cases": table, "faults": faults}


if __name__ == "__main__":
    main()
