"""How much faster than real time is a whole file played, on one core?

jaxamp plays it through `jaxamp.stream.process`, block by block in constant memory; the
peer's network takes the whole file in one call, as its own tools do.
"""

import dataclasses
import tempfile
import time
from pathlib import Path

import counts
import limits
import numpy as np
import ours
import program
import results
import rounds

from jaxamp.formats.nam import write_nam
from jaxamp.stream import process

ROUND_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Case:
    """One model, and the least real-time factor and ratio to the peer wanted of it."""

    model: str
    seconds: int
    factor: float | None = None
    ratio: float | None = None
    bare: bool = False
    """The peer is the `torch.nn.LSTM` alone, without the head."""


CASES = {
    "A1 standard": Case("wavenet/standard", 10, factor=35, ratio=4),
    "A1 nano": Case("wavenet/nano", 10),
    "A2 full": Case("wavenet/a2_full", 10),
    "LSTM 1x40": Case("lstm/1x40", 5, factor=25, ratio=1),
    "LSTM 1x40, bare": Case("lstm/1x40", 5, factor=25, ratio=1, bare=True),
}


def main():
    with (
        program.run(
            "offline",
            __doc__,
            cores=1,
            cases=CASES,
            headline="jaxamp x real time",
            limits=limits.measured,
        ) as bench,
        tempfile.TemporaryDirectory() as folder,
    ):
        for name in bench.cases:
            compare(bench, name, CASES[name], Path(folder))
        bench.note("The answers of both are equal to 1e-4, checked before timing.")
        bench.note("bare: the peer is torch.nn.LSTM alone, jaxamp the whole model.")
        bench.note(" ".join(counts.__doc__.split()))


def compare(bench, name, case, folder):
    """One row of the table."""
    model, params = ours.model(case.model)
    x = ours.noise(case.seconds)
    sides = {"jaxamp": player(model, params, x)}
    if bench.peer:
        load_peer(bench.peer, case, folder, model, params, x)
        sides["peer"] = bench.peer.run
    times = rounds.timed(sides, bench.given.rounds, ROUND_SECONDS)
    seconds = times["jaxamp"].median
    ratio = rounds.ratio(times)
    bench.add(
        case=name,
        **factors(times, case.seconds),
        ratio=ratio,
        **{"ratio of rounds": rounds.ratio_range(times)},
        **aims(case, case.seconds / seconds, ratio),
        **counts.against_limits(
            seconds,
            x.size * counts.flops_per_sample(model),
            x.size * counts.bytes_per_sample(model),
            bench.report["limits"],
        ),
    )


def player(model, params, x):
    """Function of a number: plays the file so often, and answers the seconds."""

    def play(units):
        begin = time.perf_counter()
        for _ in range(units):
            process(model, params, x)
        return time.perf_counter() - begin

    return play


def load_peer(peer, case, folder, model, params, x):
    """Gives the peer the same model and audio, and checks that it hears the same."""
    files = {"nam": "model.nam", "audio": "audio.npy", "answer": "answer.npy"}
    files = {key: str(folder / name) for key, name in files.items()}
    write_nam(files["nam"], model, params, {})
    np.save(files["audio"], x)
    peer.prepare("offline", **files, bare=case.bare)
    if not case.bare:
        ours.refuse_unlike(process(model, params, x), np.load(files["answer"]))


def factors(times, audio_seconds):
    """Real-time factor and spread of each side."""
    row = {}
    for side in ("jaxamp", "peer"):
        measured = times.get(side)
        row[f"{side} x real time"] = measured and audio_seconds / measured.median
        row[f"{side} spread %"] = measured and measured.spread
    return row


def aims(case, factor, ratio):
    """What was wanted of this model, if anything."""
    wanted = []
    if case.factor:
        wanted.append(results.at_least(factor, case.factor, "x real time"))
    if case.ratio:
        wanted.append(results.at_least(ratio, case.ratio, "x peer"))
    return results.all_aims(*wanted)


if __name__ == "__main__":
    main()
