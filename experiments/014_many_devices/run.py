"""Do devices and processes learn what one device learns, and stop when one is lost?

    uv run python experiments/014_many_devices/run.py [--only CASE …] [--folder F]

Every run is a `jaxamp train` of its own, of 20 steps on three seconds of the demo. Each
line that is printed is one measurement, and `results.jsonl` in the folder has it, too.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from jaxamp.core.processes import GIVEN
from jaxamp.train import Checkpoints

COMMON = (
    "data.seconds=3", "data.validation_seconds=1", "train.outputs=2048",
    "train.batch=8", "train.validate_every=10",
)  # fmt: skip
MODELS = {
    "A1 nano, recipe A1": ("+experiment=nam_a1", "model=wavenet/nano"),
    "LSTM 1x8, a step each chunk": (
        "model=lstm/1x8", "loss=mse", "train.chunk=512", "train.burn_in=256",
        "train.update_every_chunk=true", "train.average_decay=0.9",
    ),
    "A1 nano, Muon": ("+experiment=nam_a1", "model=wavenet/nano", "optimizer=muon"),
}  # fmt: skip
LINEAR = ("model=linear/256", "loss=mse", "schedule=constant")
SWEEP = (
    "model=lstm/1x8", "loss=mse", "train.burn_in=256", "seed=range(4)",
    "hydra/launcher=population",
)  # fmt: skip
ENDLESS = ("train.steps=1000000", "train.validate_every=50")
LIMIT_SECONDS = 900.0


def begun(folder, overrides, *, processes=1, devices=1, sweep=False):
    """The processes of one run, started."""
    where = f"hydra.{'sweep' if sweep else 'run'}.dir={folder}"
    command = [sys.executable, "-m", "jaxamp", "train", *["-m"] * sweep, *COMMON,
               *overrides, f"train.devices={devices}", where]  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = []
    for index in range(processes):
        named = dict(zip(GIVEN, (address, str(processes), str(index)), strict=True))
        environment = {**os.environ, **(named if processes > 1 else {})}
        with folder.with_suffix(f".{index}.err").open("a") as said:
            started.append(
                subprocess.Popen(
                    command, env=environment, stdout=subprocess.DEVNULL, stderr=said
                )
            )
    return started


def done(folder, overrides, **where):
    """A run to its end; all its processes must succeed."""
    shares = begun(folder, overrides, **where)
    statuses = [one.wait(LIMIT_SECONDS) for one in shares]
    if any(statuses):
        raise SystemExit(f"{folder.name}: exit statuses {statuses}")
    return folder


def steps_of(folder):
    """The steps that have a checkpoint, newest first."""
    names = [one.name for one in (folder / "checkpoints").glob("*")]
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def numbers(folder):
    """Every number of the newest checkpoint."""
    kept = Checkpoints(folder / "checkpoints", read_only=True)
    try:
        return kept.stored(kept.steps()[0])[1]
    finally:
        kept.close()


def parameters(folder):
    """Those after the last step: the first numbers of a state."""
    result = json.loads((folder / "result.json").read_text())
    return numbers(folder)["float32"][: result["parameters"]]


def difference(folder, other):
    """The largest of any parameter, after the last step."""
    return float(np.max(np.abs(parameters(folder) - parameters(other))))


def equality(root, tell):
    """Parameters after 20 steps, against one device."""
    for number, (name, model) in enumerate(MODELS.items()):
        overrides = (*model, "train.steps=20")
        alone = done(root / f"alone{number}", overrides)
        for processes, devices in ((1, 8), (2, 1), (2, 2), (4, 1)):
            if number and (processes, devices) not in ((1, 8), (2, 1)):
                continue
            folder = root / f"model{number}_{processes}x{devices}"
            done(folder, overrides, processes=processes, devices=devices)
            tell(
                model=name, processes=processes, devices_each=devices,
                largest_difference=difference(folder, alone),
            )  # fmt: skip


def topology(root, tell):
    """Ten steps on so many devices and processes, ten on others."""
    model = next(iter(MODELS.values()))
    overrides = (*model, "schedule=constant")
    whole = done(root / "whole", (*overrides, "train.steps=20"))
    ways = {"8 devices, then 1": ((1, 8), (1, 1)), "1 device, then 8": ((1, 1), (1, 8)),
            "2 processes, then 1": ((2, 1), (1, 1))}  # fmt: skip
    for number, (name, way) in enumerate(ways.items()):
        folder = root / f"moved{number}"
        for steps, (processes, devices) in zip((10, 20), way, strict=True):
            now = (*overrides, f"train.steps={steps}")
            done(folder, now, processes=processes, devices=devices)
        tell(way=name, largest_difference=difference(folder, whole))


def losses(root, tell):
    """Seconds until the other has stopped, and what it says."""
    cases = [(1, "SIGKILL"), (0, "SIGKILL"), (1, "SIGTERM"), (1, "SIGSTOP")]
    for which, name in cases:
        folder = root / f"lost_{which}_{name}"
        both = begun(folder, (*LINEAR, *ENDLESS), processes=2)
        while len(steps_of(folder)) < 2:
            time.sleep(0.2)
            if any(one.poll() is not None for one in both):
                raise SystemExit(f"{folder.name} ended before it began")
        begin = time.monotonic()
        both[which].send_signal(getattr(signal, name))
        status = both[1 - which].wait(LIMIT_SECONDS)
        seconds = time.monotonic() - begin
        both[which].kill()
        said = folder.with_suffix(f".{1 - which}.err").read_text().strip()
        made = steps_of(folder)[0]
        overrides = (*LINEAR, f"train.steps={made + 20}", "train.validate_every=50")
        done(folder, overrides, processes=2)
        tell(
            lost=f"process {which}", signal=name, seconds=round(seconds, 1),
            status=status, said=said.splitlines()[-1] if said else "",
            went_on_from=made, ended_at=steps_of(folder)[0],
        )  # fmt: skip


def four(root, tell):
    """Four processes of a linear model, one killed."""
    folder = root / "four"
    all_of_them = begun(folder, (*LINEAR, *ENDLESS), processes=4)
    while len(steps_of(folder)) < 2:
        time.sleep(0.2)
    begin = time.monotonic()
    all_of_them[3].kill()
    statuses = [one.wait(LIMIT_SECONDS) for one in all_of_them[:3]]
    seconds = round(time.monotonic() - begin, 1)
    tell(killed="process 3 of 4", seconds=seconds, statuses=statuses)


def population(root, tell):
    """The jobs of a sweep by one, two and three processes."""
    overrides = (*SWEEP, "train.steps=20")
    alone = done(root / "sweep1", overrides, sweep=True)
    for processes in (2, 3):
        folder = root / f"sweep{processes}"
        done(folder, overrides, processes=processes, sweep=True)
        jobs = sorted(one.parent.name for one in folder.glob("*/result.json"))
        largest = max(difference(folder / job, alone / job) for job in jobs)
        table = (folder / "comparison.csv").is_file()
        tell(
            processes=processes, jobs=len(jobs), largest_difference=largest, table=table
        )


CASES = {one.__name__: one for one in (equality, topology, losses, four, population)}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folder", type=Path, default=Path("runs/014"))
    given = parser.parse_args()
    for name in given.only:
        root = given.folder.absolute() / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)

        def tell(name=name, **facts):
            line = json.dumps({"case": name, **facts})
            print(line, flush=True)
            with (given.folder / "results.jsonl").open("a") as file:
                file.write(line + "\n")

        CASES[name](root, tell)


if __name__ == "__main__":
    main()
