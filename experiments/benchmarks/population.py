"""How much faster do members of a population learn than the same members one by one?

    uv run python experiments/benchmarks/population.py --members 8
    uv run python experiments/benchmarks/population.py --members 8 32 128 --cores 16

Batches of 16 windows of 8,192 samples, recipe A1. Each side is a process of its own, on
the same cores and the same device; both trained in turns. A CPU's cores are devices of
their own for the population, as the population launcher makes them.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import program
import rounds

CASES = ("wavenet/nano", "wavenet/feather", "lstm/1x8", "lstm/1x16")
CHILD = Path(__file__).with_name("population_child.py")
ROUND_SECONDS = 4.0


class Child:
    """One side: a process that makes steps when it is told to."""

    def __init__(self, case, members):
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), case, str(members)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def steps(self, units):
        """Makes so many steps of every member; the seconds they took."""
        self.process.stdin.write(f"{units}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


def options(parser):
    """The program's own options."""
    parser.add_argument("--members", type=int, nargs="+", default=[8])


def main():
    with program.run(
        "population", __doc__, cores=2, cases=CASES, headline="ratio", options=options
    ) as bench:
        for case in bench.cases:
            for members in bench.given.members:
                bench.add(case=case, members=members, **measured(bench, case, members))


def measured(bench, case, members):
    """One row: milliseconds for a step of one member, alone and beside the others."""
    with contextlib.ExitStack() as stack:
        sides = {"alone": 0, "together": members}
        children = {
            name: stack.enter_context(contextlib.closing(Child(case, size)))
            for name, size in sides.items()
        }
        times = rounds.timed(
            {name: child.steps for name, child in children.items()},
            bench.given.rounds,
            ROUND_SECONDS,
        )
    alone, together = times["alone"], times["together"]
    pairs = zip(alone.seconds, together.seconds, strict=True)
    ratios = [one * members / all_of_them for one, all_of_them in pairs]
    return {
        "alone ms": 1000 * alone.median,
        "together ms a member": 1000 * together.median / members,
        "ratio": members * alone.median / together.median,
        "range": f"{min(ratios):.2f} to {max(ratios):.2f}",
    }


if __name__ == "__main__":
    main()
