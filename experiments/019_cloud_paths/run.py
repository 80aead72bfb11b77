"""Does a run in a bucket survive kills on machines that are gone afterwards?

Each try starts `jaxamp train` in a home of its own, as a new machine would, and kills
it at a random moment until one is let finish. What is in the bucket then must be, bit
for bit, what a run on the disk has learned. `--store folder` has a folder stand in for
gs://, `--store s3` moto's server for s3:// (neither is the real service).
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import soundfile

from jaxamp.train import Checkpoints

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent.parent / "tests"
STEPS = 12_000
RUN = (
    "data.seconds=3", "data.validation_seconds=1", "model=lstm/1x8", "model.hidden=[3]",
    "loss=mse", "schedule=constant", "train.outputs=512", "train.batch=4",
    "train.burn_in=256", "train.validate_every=250", f"train.steps={STEPS}",
)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    parser.add_argument("--kills", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        store = (Folder if given.store == "folder" else Server)(place)
        try:
            print(json.dumps(studied(store, place, given.kills), indent=1))
        finally:
            store.close()


class Folder:
    """A folder in place of gs://."""

    def __init__(self, place):
        (place / "buckets").mkdir()
        self.url = "gs://bucket"
        self.environment = {"STAND_IN": str(place / "buckets")}

    def close(self):
        pass


class Server:
    """moto's server in place of s3://, spoken to by s3fs over HTTP."""

    def __init__(self, place):
        del place
        port = 5119
        self.url = "s3://bucket"
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        server = Path(sys.executable).parent / "moto_server"
        self.process = subprocess.Popen(
            [server, "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/bucket", method="PUT", data=b""
        )
        for _ in range(100):
            try:
                urllib.request.urlopen(request, timeout=5)
                break
            except OSError:
                time.sleep(0.2)

    def close(self):
        self.process.terminate()
        self.process.wait()


def studied(store, place, kills):
    """Kills, restarts, and compares."""
    rng = random.Random(19)
    local = place / "local"
    process = started(store, place / "home0", ["train", *RUN, f"hydra.run.dir={local}"])
    ended(process)
    url = f"{store.url}/runs/one"
    train = ["train", *RUN, f"hydra.run.dir={url}"]
    tries, failed, refused = [], 0, []
    while sum(one["killed"] for one in tries) < kills and len(tries) < 2 * kills:
        process = started(store, place / f"home{len(tries) + 1}", train)
        early = rng.random() < 0.25  # while it starts, or fetches
        if early:
            time.sleep(rng.uniform(0.0, 5.0))
        else:
            begun = told_step(process, 1)
            if not refused:
                refused.append(second(store, place, train))
            told_step(process, begun + rng.randrange(STEPS // kills))
            time.sleep(rng.uniform(0.0, 0.3))
        killed = process.poll() is None
        process.kill()
        out, err = process.communicate()
        failed += not killed and (process.returncode != 0 or "Traceback" in err)
        found = re.findall(r"Going on from step (\d+)", process.head + out)
        last = re.findall(r"step +(\d+)/", process.head + out)
        tries.append(
            {
                "killed": killed,
                "while": "starting" if early else "training",
                "went_on_from": int(found[0]) if found else 0,
                "said_last": int(last[-1]) if last else None,
            }
        )
    out = ended(started(store, place / "last", train))
    there = place / "there"
    pulled(store, place, url, there)
    return {
        "store": type(store).__name__,
        "tries": tries,
        "killed": sum(one["killed"] for one in tries),
        "failed": failed,
        "second_process": refused,
        "last": [
            line for line in out.splitlines() if "Going on" in line or "Kept" in line
        ],
        "bit_identical": same(local, there),
        "commands": commands(store, place, url, local),
    }


def told_step(process, step):
    """Waits until a run tells of a step, or ends; the last step it told of."""
    told = 0
    for line in process.stdout:
        process.head += line
        if line.startswith("step "):
            told = int(line.split()[1].split("/")[0].replace(",", ""))
        if told >= step:
            break
    return told


def second(store, place, train):
    """What another machine is told that begins the same run; None if it was let in."""
    process = started(store, place / "second", train)
    out, err = process.communicate()
    return {
        "status": process.returncode,
        "said": err.strip().splitlines()[-1:],
        "out": out[-200:],
    }


def started(store, home, arguments):
    environment = {
        **os.environ,
        **store.environment,
        "XDG_CACHE_HOME": str(home),
        "JAXAMP_CACHE": f"{store.url}/cache",
        "PYTHONPATH": str(TESTS),
    }
    process = subprocess.Popen(
        [sys.executable, HERE / "child.py", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.head = ""  # what it said so far
    return process


def ended(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def pulled(store, place, url, there):
    """The run in the bucket, copied by the code under test."""
    code = (
        "import child, sys; from pathlib import Path; from jaxamp.core import cloud;"
        "cloud.pull(sys.argv[1], Path(sys.argv[2]))"
    )
    environment = {**os.environ, **store.environment, "PYTHONPATH": f"{HERE}:{TESTS}"}
    subprocess.run(
        [sys.executable, "-c", code, url, there], env=environment, check=True
    )


def same(one, other):
    """Whether the newest checkpoints of two runs hold the same numbers."""
    vectors = []
    for folder in (one, other):
        checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
        vectors.append(checkpoints.stored(checkpoints.steps()[0])[1])
        checkpoints.close()
    return all(
        np.array_equal(vectors[0][kind], vectors[1][kind])
        for kind in vectors[0].keys() | vectors[1].keys()
    )


def commands(store, place, url, local):
    """Whether the commands say of the bucket what they say of the disk."""
    dry = place / "dry.wav"
    noise = 0.2 * np.random.default_rng(0).standard_normal(48_000)
    soundfile.write(dry, noise, 48_000, subtype="FLOAT")

    def said(*arguments):
        return ended(started(store, place / "home0", list(arguments)))

    def facts(model):
        told = json.loads(said("info", model, "--json"))
        told["metadata"].pop("date")  # of the export
        return told

    said("reamp", str(local), str(dry), str(place / "local.wav"))
    said("reamp", url, str(dry), f"{store.url}/out.wav")
    said("reamp", url, f"{store.url}/out.wav", f"{store.url}/again.wav")
    said("reamp", url, str(dry), str(place / "there.wav"))
    compared = said("compare", f"{store.url}/runs", "--as-recorded")
    one, other = (soundfile.read(place / f"{w}.wav")[0] for w in ("local", "there"))
    return {
        "info": facts(url) == facts(str(local)),
        "reamp": bool(np.array_equal(one, other)),
        "compare": f"Written to {store.url}/runs" in compared,
    }


if __name__ == "__main__":
    main()
