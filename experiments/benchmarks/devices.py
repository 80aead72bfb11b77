"""Does one model learn faster on two devices made of a CPU's cores than on one?

    uv run python experiments/benchmarks/devices.py
    uv run python experiments/benchmarks/devices.py --devices 2 4 --cores 4

Each side is a process of its own, on the same cores; both train in turns. With one
device, XLA shares each operation out to the cores; with several, each device goes
through its own windows. `same bits` says whether several devices end twice alike, in
processes of their own.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import program
import rounds

CASES = {
    "A1 standard": ["+experiment=nam_a1"],
    "A1 feather": ["+experiment=nam_a1", "model=wavenet/feather"],
    "A1 nano": ["+experiment=nam_a1", "model=wavenet/nano"],
    "A2 pair": ["+experiment=nam_a2"],
    "LSTM 1x16": ["+experiment=nam_a1", "model=lstm/1x16"],
    "LSTM 64-64-1": ["+experiment=lstm_2018"],
}
CHILD = Path(__file__).with_name("devices_child.py")
ROUND_SECONDS = 4.0
STEPS_TO_COMPARE = 20


class Child:
    """One side: a process that makes steps when it is told to."""

    def __init__(self, case, devices):
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), str(devices), *CASES[case]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def asked(self, steps):
        """Makes so many steps; the seconds they took, and a checksum of the state."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def steps(self, units):
        """Makes so many steps; the seconds they took."""
        return self.asked(units)[0]

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


def options(parser):
    """The program's own options."""
    parser.add_argument("--devices", type=int, nargs="+", default=[2])


def main():
    with program.run(
        "devices", __doc__, cores=2, cases=CASES, headline="ratio", options=options
    ) as bench:
        for case in bench.cases:
            for devices in bench.given.devices:
                bench.add(case=case, devices=devices, **measured(bench, case, devices))


def measured(bench, case, devices):
    """One row: milliseconds a step on one device and on several."""
    with contextlib.ExitStack() as stack:

        def child(number):
            return stack.enter_context(contextlib.closing(Child(case, number)))

        one, several = child(1), child(devices)
        first = several.asked(STEPS_TO_COMPARE)[1]
        again = child(devices)
        same = first == again.asked(STEPS_TO_COMPARE)[1]
        times = rounds.timed(
            {"one": one.steps, "several": several.steps},
            bench.given.rounds,
            ROUND_SECONDS,
        )
    alone, spread = times["one"], times["several"]
    ratios = [a / b for a, b in zip(alone.seconds, spread.seconds, strict=True)]
    return {
        "one ms": 1000 * alone.median,
        "several ms": 1000 * spread.median,
        "ratio": alone.median / spread.median,
        "range": f"{min(ratios):.2f} to {max(ratios):.2f}",
        "same bits": "yes" if same else "no",
    }


if __name__ == "__main__":
    main()
