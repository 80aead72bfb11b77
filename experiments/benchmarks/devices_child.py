"""One side of `devices.py`: python devices_child.py DEVICES OVERRIDE …

Reads numbers of steps, a line each, and answers with the seconds they took and a
checksum of the state after them.
"""

import json
import sys
import time
import zlib
from pathlib import Path

import jax
import ours

from jaxamp.train import use_devices
from jaxamp.train.devices import fetched
from jaxamp.train.loop import side_by_side

sys.path.append(str(Path(__file__).resolve().parents[1]))
from members import running


def main():
    devices, overrides = int(sys.argv[1]), sys.argv[2:]
    use_devices(devices)
    jobs = ours.jobs(*overrides, f"train.devices={devices}")
    runs = [running(job, 0) for job in jobs]
    for line in sys.stdin:
        begin = time.perf_counter()
        states, _, _ = side_by_side(runs, 0, int(line))()
        seconds = time.perf_counter() - begin
        for run, state in zip(runs, states, strict=True):
            run.state = state
        numbers = [leaf.tobytes() for leaf in jax.tree.leaves(fetched(states))]
        print(json.dumps([seconds, zlib.crc32(b"".join(numbers))]), flush=True)


if __name__ == "__main__":
    main()
