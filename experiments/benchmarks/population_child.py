"""One side of `population.py`: python population_child.py MODEL MEMBERS

Reads numbers of steps, a line each, and answers with the seconds they took. With 0
members it trains one model as `jaxamp train` does alone.
"""

import json
import sys
import time
from pathlib import Path

import ours

from jaxamp.train import Population, cores, use_devices
from jaxamp.train.loop import side_by_side

sys.path.append(str(Path(__file__).resolve().parents[1]))
from members import running


def main():
    case, members = sys.argv[1], int(sys.argv[2])
    use_devices(cores())
    devices = "1" if members else "auto"
    (job,) = ours.jobs(
        "+experiment=nam_a1", f"model={case}", f"train.devices={devices}"
    )
    runs = [running(job, seed) for seed in range(members or 1)]
    advance = Population() if members else side_by_side
    for line in sys.stdin:
        begin = time.perf_counter()
        states, _, _ = advance(runs, 0, int(line))()
        seconds = time.perf_counter() - begin
        for run, state in zip(runs, states, strict=True):
            run.state = state
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
