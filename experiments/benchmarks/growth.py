"""What grows with the length of the audio, and what with the length of the window?

Playing: a second of audio must cost the same in an hour as in a second, and memory
must not grow. Learning: peak memory against the window, beside the peer's. Every
length is a process of its own; memory is all of that process, libraries included.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import ours
import program
import results
from peer import Peer

CHILD = Path(__file__).parent / "growth_child.py"
PLAYED = {
    "playing A1 nano": ("wavenet/nano", (1, 10, 60, 600, 3600)),
    "playing A1 standard": ("wavenet/standard", (1, 10, 60, 600)),
    "playing LSTM 1x16": ("lstm/1x16", (1, 10, 60, 600)),
}
LEARNED = {
    "learning A1 nano": ("wavenet/nano", (2048, 4096, 8192, 16384, 32768)),
    "learning A1 standard": ("wavenet/standard", (2048, 4096, 8192, 16384, 32768)),
}
SLOWER = 1.1
"""How many times the cost of a second may grow from 10 s on; 1 s is mostly set-up."""

MORE_MIB = 32
"""How much memory may grow, in MiB; processes alike differ by about 10."""


def main():
    cases = [*PLAYED, *LEARNED]
    with program.run(
        "growth", __doc__, cores=1, cases=cases, headline="peak MiB"
    ) as bench:
        for name in bench.cases:
            if name in PLAYED:
                play(bench, name, *PLAYED[name])
            else:
                learn(bench, name, *LEARNED[name])


def play(bench, name, model, lengths):
    """A row for each length of audio."""
    facts = {length: measured("play", model, length) for length in lengths}
    usual = facts[10]
    for length, fact in facts.items():
        cost = fact["seconds"] / length
        growth = cost * 10 / usual["seconds"]
        more = fact["peak_mib"] - usual["peak_mib"]
        wanted = (
            results.at_most(growth, SLOWER, "x the time"),
            results.at_most(more, MORE_MIB, " MiB more than for 10 s"),
        )
        bench.add(
            case=f"{name}, {length:,} s",
            **{
                "ms for each second": 1e3 * cost,
                "x 10 s": growth,
                "peak MiB": fact["peak_mib"],
            },
            **(results.all_aims(*wanted) if length >= 10 else results.all_aims()),
        )


def learn(bench, name, model, windows):
    """A row for each length of window."""
    for window in windows:
        fact = measured("learn", model, window)
        bench.add(
            case=f"{name}, windows of {window:,}",
            **{
                "temporaries MiB": fact["temporaries_mib"],
                "peak MiB": fact["peak_mib"],
                "peer peak MiB": bench.peer and peer_peak(bench, model, window),
            },
        )


def measured(*words):
    """What a child process found."""
    command = [sys.executable, str(CHILD), *map(str, words)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(told.stdout.splitlines()[-1])


def peer_peak(bench, name, window):
    """Peak memory of the peer's process after two steps of the same shape."""
    model, _ = ours.model(name)
    with contextlib.closing(Peer(bench.given.peer_python)) as peer:
        peer.prepare(
            "training",
            network="WaveNet",
            batch=16,
            inputs=model.warmup + window,
            outputs=window,
            hyperparameters=dict(model.hyperparameters),
        )
        peer.run(2)
        return peer.peak_mib()


if __name__ == "__main__":
    main()
