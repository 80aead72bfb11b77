"""How long does one block take, called from Python on one core?

A NumPy block goes in and a NumPy block comes out, as from an audio callback. The peer
is onnxruntime with the same streaming step as a graph. At 48 kHz a block of 64 samples
must be done in 1,333 µs, or there is a gap in the sound.
"""

import dataclasses
import tempfile
import time
from pathlib import Path

import counts
import jax
import limits
import numpy as np
import ours
import program
import results
import rounds

from jaxamp.stream import Player

SECONDS_A_ROUND = 2.0
"""Audio played by each side in a round."""
CHECKED_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class Case:
    """One model, the block, and what is wanted of it."""

    model: str
    block: int = 64
    microseconds: float | None = None
    """Largest median."""
    factor: float | None = None
    """Smallest real-time factor."""


CASES = {
    "A1 standard, 64": Case("wavenet/standard", microseconds=75),
    "A1 nano, 64": Case("wavenet/nano", microseconds=40),
    "A2 full, 64": Case("wavenet/a2_full", microseconds=75),
    "LSTM 1x40, 64": Case("lstm/1x40", microseconds=75),
    "A1 standard, 512": Case("wavenet/standard", 512, factor=30),
    "A1 nano, 512": Case("wavenet/nano", 512),
    "A2 full, 512": Case("wavenet/a2_full", 512),
    "LSTM 1x40, 512": Case("lstm/1x40", 512),
}
TAIL = 2.0
"""How many medians the 99th percentile may take."""


def main():
    # As `jaxamp live` does: what computes is the thread that asks.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    with (
        program.run(
            "blocks",
            __doc__,
            cores=1,
            cases=CASES,
            headline="jaxamp median µs",
            limits=limits.measured,
        ) as bench,
        tempfile.TemporaryDirectory() as folder,
    ):
        for name in bench.cases:
            compare(bench, name, CASES[name], Path(folder))
        bench.note(
            "The audio of both is equal to 1e-4, checked before timing. Percentiles "
            "are over all blocks of all rounds, other work on the machine included."
        )
        bench.note(" ".join(counts.__doc__.split()))


def compare(bench, name, case, folder):
    """One row of the table."""
    model, params = ours.model(case.model)
    blocks = ours.noise(CHECKED_SECONDS)
    blocks = blocks[: blocks.size - blocks.size % case.block].reshape(-1, case.block)
    play = block_player(model, params, case.block)
    units = round(SECONDS_A_ROUND * ours.SAMPLE_RATE / case.block)
    sides = {"jaxamp": lambda: seconds(play, blocks, units)}
    if bench.peer:
        load_peer(bench.peer, case, folder, model, params, blocks)
        sides["peer"] = lambda: bench.peer.run(units)
    times = rounds.in_turns(sides, bench.given.rounds)
    pooled = {side: 1e6 * np.concatenate(answers) for side, answers in times.items()}
    bench.add(**row(name, case, model, pooled, bench.report["limits"]))


def block_player(model, params, block):
    """Function of a NumPy block that answers with a NumPy block.

    The one place here that knows how jaxamp streams.
    """
    player = Player(model, params, block=block)
    state = player.silence()

    def play(x):
        nonlocal state
        y, state = player(x, state)
        return np.asarray(y)

    return play


def seconds(play, blocks, units):
    """The time of each of so many blocks."""
    times = []
    for index in range(units):
        x = blocks[index % len(blocks)]
        begin = time.perf_counter()
        play(x)
        times.append(time.perf_counter() - begin)
    return times


def load_peer(peer, case, folder, model, params, blocks):
    """Gives the peer the same model and audio, and checks that it hears the same."""
    files = {"weights": "weights.npz", "audio": "audio.npy", "answer": "answer.npy"}
    files = {key: str(folder / name) for key, name in files.items()}
    np.savez(files["weights"], **named(params))
    np.save(files["audio"], blocks)
    peer.prepare(
        "blocks",
        **files,
        hyperparameters=dict(model.hyperparameters),
        block=case.block,
        warmup=model.warmup,
    )
    play = block_player(model, params, case.block)
    mine = np.concatenate([play(x) for x in blocks])
    ours.refuse_unlike(mine, np.load(files["answer"]))


def named(params):
    """Parameters by path, as `array_0/conv_1/weight`."""
    leaves, _ = jax.tree.flatten_with_path(params)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)
        for path, leaf in leaves
    }


def row(name, case, model, pooled, measured_limits):
    """Percentiles of both sides and what was wanted."""
    median, tail = np.percentile(pooled["jaxamp"], [50, 99])
    factor = 1e6 * case.block / ours.SAMPLE_RATE / median
    columns = {"case": name}
    for side, microseconds in pooled.items():
        columns |= percentiles(side, microseconds)
    ratio = float(np.median(pooled["peer"]) / median) if "peer" in pooled else None
    return {
        **columns,
        "ratio": ratio,
        "x real time": float(factor),
        "late": int(np.sum(pooled["jaxamp"] > 1e6 * case.block / ours.SAMPLE_RATE)),
        **aims(case, median, tail, factor),
        **counts.against_limits(
            float(median) / 1e6,
            case.block * counts.flops_per_sample(model),
            case.block * counts.bytes_per_sample(model),
            measured_limits,
        ),
    }


def percentiles(side, microseconds):
    """Columns: median, percentiles and the worst of one side, in µs."""
    names = ("median", "p99", "p99.9", "worst")
    values = np.percentile(microseconds, [50, 99, 99.9, 100])
    return {f"{side} {name} µs": float(value)
            for name, value in zip(names, values, strict=True)}  # fmt: skip


def aims(case, median, tail, factor):
    """What was wanted of this model, if anything."""
    wanted = []
    if case.microseconds:
        wanted.append(results.at_most(median, case.microseconds, " µs"))
        wanted.append(results.at_most(tail / median, TAIL, " medians at p99"))
    if case.factor:
        wanted.append(results.at_least(factor, case.factor, "x real time"))
    return results.all_aims(*wanted)


if __name__ == "__main__":
    main()
