"""Kills of commands that write a file: is it ever half there, or an older one lost?

    python experiments/015_nothing_lost/outputs.py [--kills 20] [--seed 0]

Each command is run once to see how long it takes and what it writes, and then killed
at random moments, every other time with an older file where it writes. Under the final
name there must then be nothing, the older file untouched, or the whole new one; beside
it may lie what SIGKILL left under a temporary name. Writes outputs.json beside it.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import soundfile
from run import CONFIG, SIGNALS, Child, jaxamp, timeless

HERE = Path(__file__).resolve().parent
OLDER = b"what was here before"


def main() -> None:
    """All commands, and their numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="outputs_") as scratch:
        place = Path(scratch)
        os.environ["JAXAMP_CACHE"] = str(place / "cache")
        run, dry = place / "run", place / "dry.wav"
        finished("train", *CONFIG, f"hydra.run.dir={run}")
        finished("signal", str(dry))
        table = {
            name: killed(place, name, command, number, given.kills, dice)
            for number, (name, command) in enumerate(commands(run, dry).items())
        }
    print(json.dumps(table, indent=1))
    (HERE / "outputs.json").write_text(json.dumps(table, indent=1) + "\n")


def commands(run: Path, dry: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """(file written, command) by name; OUT is where the file goes."""
    return {
        "reamp": ("wet.wav", ("reamp", str(run), str(dry), "OUT")),
        "export": ("amp.nam", ("export", str(run), "OUT")),
        "signal": ("signal.wav", ("signal", "OUT")),
        "report": ("page.html", ("report", str(run), "--no-timing", "--output", "OUT")),
        "compare": ("comparison.csv", ("compare", str(run), "--output", "FOLDER")),
    }


def finished(*command: str) -> float:
    """Runs a command to its end; the seconds it took."""
    begun, child = time.time(), Child(jaxamp, list(command))
    out, err = child.communicate()
    assert child.returncode == 0, out + err
    return time.time() - begun


def killed(place, name, command, number, kills, dice) -> dict:
    """One command, killed again and again."""
    file, words = command
    whole = place / f"{number}_whole" / file
    seconds = min(finished(*spelled(words, whole)) for _ in range(2))
    counts, faults, leftovers = Counter(), [], Counter()
    for index in range(kills):
        signal = list(SIGNALS)[index % 2]
        out = place / f"{number}_killed" / file
        older = index % 4 >= 2
        arguments = spelled(words, out)
        if older:
            out.write_bytes(OLDER)
        child = Child(jaxamp, arguments)
        time.sleep(dice.uniform(0, seconds))
        alive = child.poll() is None
        if alive:
            child.send_signal(SIGNALS[signal])
        _, err = child.communicate()
        counts[f"{signal}, in time" if alive and child.returncode else "too late"] += 1
        counts[state := found(out, whole, older)] += 1
        left = [one.name for one in out.parent.iterdir() if one != out]
        unfinished = [one for one in left if one.startswith(".")]
        leftovers[signal] += bool(unfinished)
        if state == "half" or "Traceback" in err or "unexpectedly" in err:
            faults.append(f"{name}, {signal}: {state}, {left}, {err[-300:]}")
        shutil.rmtree(out.parent)
    print(name, dict(counts), faults, file=sys.stderr, flush=True)
    return {
        "seconds": round(seconds, 2),
        "counts": dict(sorted(counts.items())),
        "left a temporary file": dict(leftovers),
        "faults": faults,
    }


def spelled(words: tuple[str, ...], out: Path) -> list[str]:
    """The command with its output; the folder for it is made."""
    out.parent.mkdir(exist_ok=True)
    places = {"OUT": str(out), "FOLDER": str(out.parent)}
    return [places.get(word, word) for word in words]


def found(out: Path, whole: Path, older: bool) -> str:
    """What is under the final name: nothing, the older file, all of it, or half."""
    if not out.exists():
        return "half" if older else "nothing"
    if older and out.read_bytes() == OLDER:
        return "the older file"
    try:
        return "all of it" if alike(out, whole) else "half"
    except Exception:
        return "half"


def alike(out: Path, whole: Path) -> bool:
    """Whether a file says what the whole one does, dates apart."""
    if out.suffix == ".wav":
        return bool((soundfile.read(out)[0] == soundfile.read(whole)[0]).all())
    if out.suffix == ".nam":
        texts = [timeless(json.loads(one.read_text())) for one in (out, whole)]
        return texts[0] == texts[1]
    if out.suffix == ".csv":
        return len(out.read_text().splitlines()) == len(whole.read_text().splitlines())
    return out.read_text().rstrip().endswith("</html>")


if __name__ == "__main__":
    main()
