"""Are silent failures told, after how many steps, and are healthy trainings left alone?

    JAXAMP_DATA=FOLDER python experiments/016_silent_failures/run.py [--steps 450]

Healthy trainings must not be warned of; each way to fail must be, for what it is. The
recordings are 20 s of `dry.flac` and what amps made of it; failures are made of them.
Writes numbers.json beside it.
"""

import argparse
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from absl import logging

from jaxamp.cli.main import main as jaxamp

HERE = Path(__file__).resolve().parent
RATE, SECONDS, SHIFT = 48_000, 20, 4000

SHORT = ("train.batch=2", "train.outputs=1024", "train.validate_every=50")
SMALL = (*SHORT, "data.validation_seconds=3")
CONSTANT = "schedule=constant"
NANO, LSTM = "model=wavenet/nano", "model=lstm/1x16"
RECURRENT = (LSTM, "train.burn_in=1024", "train.chunk=null")


def main() -> None:
    """Runs them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    logging.get_absl_handler().python_handler.stream = sys.__stderr__
    logging.set_verbosity(logging.ERROR)  # Orbax thinks aloud
    data = Path(os.environ["JAXAMP_DATA"])
    place = Path(tempfile.mkdtemp(prefix="silent_"))
    file = HERE / "numbers.json"
    numbers = json.loads(file.read_text()) if file.exists() else {}
    for name, overrides in cases(data, place).items():
        if given.only and name not in given.only:
            continue
        folder = place / re.sub(r"\W+", "_", name)
        numbers[name] = made([*SMALL, f"train.steps={given.steps}", *overrides], folder)
        print(name, json.dumps(numbers[name]), flush=True)
        file.write_text(json.dumps(numbers, indent=1) + "\n")


def cases(data: Path, place: Path) -> dict[str, tuple[str, ...]]:
    """What is trained: healthy pairs first, then every way to fail."""
    start, size = 20 * RATE, SECONDS * RATE

    def pair(amp: str, change: Callable[[np.ndarray], np.ndarray] | None = None):
        wet = load(data / "wet" / f"{amp}.flac")
        dry = load(data / "dry.flac")[start : start + size]
        answer = wet[start : start + size]
        if change is not None:
            answer = change(wet)[start : start + size]
        files = [place / f"{amp}_{len(list(place.iterdir()))}_{n}.wav" for n in "xy"]
        for path, audio in zip(files, (dry, answer), strict=True):
            soundfile.write(path, audio, RATE, subtype="FLOAT")
        return ("data=capture", f"data.input={files[0]}", f"data.target={files[1]}")

    stated = "data.delay=0"
    dice = np.random.default_rng(0)
    return {
        "healthy: demo, nano": (NANO,),
        "healthy: demo, LSTM": RECURRENT,
        "healthy: high gain with cabinet, nano": (NANO, *pair("hg_jcm")),
        "healthy: high gain with cabinet, LSTM": (*RECURRENT, *pair("hg_jcm")),
        "healthy: clean with cabinet, LSTM": (*RECURRENT, *pair("clean_twin")),
        "healthy: overdrive, nano, delay stated": (NANO, *pair("od_ts9"), stated),
        "healthy: demo, nano, a slow rate": (NANO, "optimizer.learning_rate=0.0005"),
        "healthy: demo, LSTM, a slow rate": (
            *RECURRENT,
            "optimizer.learning_rate=0.0005",
        ),
        "target 4000 samples early": (
            NANO,
            *pair("od_ts9", lambda y: np.roll(y, -SHIFT)),
            stated,
        ),
        "target 4000 samples late": (
            NANO,
            *pair("od_ts9", lambda y: np.roll(y, SHIFT)),
            stated,
        ),
        "target of another take": (
            NANO,
            *pair("od_ts9", lambda y: np.roll(y, 90 * RATE)),
            stated,
        ),
        "target shuffled": (NANO, *pair("od_ts9", lambda y: shuffled(y, dice)), stated),
        "target is noise": (NANO, *pair("od_ts9", lambda y: hiss(y, dice)), stated),
        "learning rate 1": (NANO, "optimizer.learning_rate=1"),
        "learning rate 10": (NANO, "optimizer.learning_rate=10"),
        "learning rate 10, LSTM": (*RECURRENT, "optimizer.learning_rate=10"),
        "learning rate 10, restarts": (
            NANO,
            "optimizer.learning_rate=10",
            "train.restarts=6",
        ),
        "constant rate 10": (NANO, "optimizer.learning_rate=10", CONSTANT),
        "constant rate 10, LSTM": (
            *RECURRENT,
            "optimizer.learning_rate=10",
            CONSTANT,
        ),
        "constant rate 10, LSTM, restarts": (
            *RECURRENT,
            "optimizer.learning_rate=10",
            CONSTANT,
            "train.restarts=6",
        ),
        "one second by heart": (
            NANO,
            "data.seconds=2.3",
            "data.validation_seconds=1.2",
            "optimizer.learning_rate=0.02",
            "train.validate_every=25",
            "train.steps=900",
            CONSTANT,
        ),
        "constant rate 0.1": (
            NANO,
            "optimizer.learning_rate=0.1",
            CONSTANT,
        ),
    }


def load(path: Path) -> np.ndarray:
    """1-D audio."""
    return soundfile.read(path, dtype="float32")[0]


def shuffled(y: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Half seconds in another order."""
    pieces = y[: y.size // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2)
    return np.ravel(pieces[dice.permutation(len(pieces))])


def hiss(y: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Noise as loud as the recording."""
    level = float(np.sqrt(np.mean(y**2)))
    return (level * dice.standard_normal(y.size)).astype(np.float32).clip(-0.9, 0.9)


def made(overrides: list[str], folder: Path) -> dict:
    """One training: what was told before and during it, and how it ended."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = jaxamp(["train", *overrides, f"hydra.run.dir={folder}"])
    result = folder / "result.json"
    said = [line for line in err.getvalue().splitlines() if line.strip()]
    answer: dict = {"status": status}
    if result.exists():
        found = json.loads(result.read_text())
        answer |= {
            "esr": round(found["esr"], 4),
            "warnings": found["train"]["warnings"],
            "restarts": found["train"]["restarts"],
        }
    before = [
        line for line in said if re.search(r"two different takes|away from", line)
    ]
    answer["told before"] = bool(before) and "After" not in before[0]
    answer["said"] = [line.replace(str(folder.parent), "…")[:400] for line in said]
    return answer


if __name__ == "__main__":
    main()
