"""One side of `devices.py`: python devices_child.py MODEL DEVICES

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

from jaxamp.train import side_by_side, use_devices
from jaxamp.train.devices import fetched

sys.path.append(str(Path(__file__).resolve().parents[1]))
from members import running


def main():
    case, devices = sys.argv[1], int(sys.argv[2])
    use_devices(devices)
    (job,) = ours.jobs(
        "+experiment=nam_a1", f"model={case}", f"train.devices={devices}"
    )
    run = running(job, 0)
    for line in sys.stdin:
        begin = time.perf_counter()
        (run.state,), _, _ = side_by_side([run], 0, int(line))()
        seconds = time.perf_counter() - begin
        state = [leaf.tobytes() for leaf in jax.tree.leaves(fetched(run.state))]
        print(json.dumps([seconds, zlib.crc32(b"".join(state))]), flush=True)


if __name__ == "__main__":
    main()
