"""How many training steps a second, beside the peer on the same cores?

A step is everything from windows to new parameters: jaxamp draws its windows from the
demo capture inside the step, the peer gets a fixed batch of the same shape for free.
Compiling is left out. jaxamp makes a device of each core, as its command line does;
PyTorch is given as many threads. Each side makes a second or two of steps in turns.
"""

import dataclasses
from collections.abc import Sequence

import counts
import limits
import ours
import program
import results
import rounds

from jaxamp.models import is_recurrent
from jaxamp.train import cores, use_devices

ROUND_SECONDS = 1.5


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison: jaxamp's overrides, and what the peer is asked for."""

    overrides: Sequence[str]
    network: str
    aim: float
    window: int = 8192
    """Samples the peer's loss sees of each window."""
    peer_options: dict = dataclasses.field(default_factory=dict)


def a1(model, aim):
    return Case(("+experiment=nam_a1", f"model={model}"), "WaveNet", aim)


def truncated(model, **peer_options):
    """The peer's recurrent recipe: its burn-in lies inside the window."""
    return Case(
        (
            "+experiment=nam_a1",
            f"model={model}",
            "train.burn_in=4096",
            "train.outputs=4096",
            "train.chunk=512",
        ),
        "LSTM",
        2.0,
        peer_options={"burn_in": 4096, "truncate": 512, **peer_options},
    )


CASES = {
    "A1 standard": a1("wavenet/standard", 2.0),
    "A1 feather": a1("wavenet/feather", 3.0),
    "A1 nano": a1("wavenet/nano", 4.0),
    "A2 pair": Case(("+experiment=nam_a2",), "packed", 3.0),
    "LSTM 1x16": truncated("lstm/1x16"),
    "LSTM 3x18": truncated("lstm/3x18"),
    "LSTM 1x16, judged alike": truncated("lstm/1x16", judged=4096),
    "LSTM 3x18, judged alike": truncated("lstm/3x18", judged=4096),
    "LSTM 64-64-1": Case(("+experiment=lstm_2018",), "stack", 1.3, window=480),
}


def main():
    with program.run(
        "training",
        __doc__,
        cores=2,
        cases=CASES,
        headline="ratio",
        limits=limits_of_cores,
    ) as bench:
        for name in bench.cases:
            compare(bench, name, CASES[name])
        remarks(bench)


def limits_of_cores():
    """The machine's limits; each core is a device from here on."""
    use_devices(cores())
    return limits.measured()


def compare(bench, name, case):
    """One row of the table."""
    jobs = ours.jobs(*case.overrides)
    sides = {"jaxamp": ours.Learner(jobs).steps}
    if bench.peer:
        bench.peer.prepare("training", **peer_task(case, jobs))
        sides["peer"] = bench.peer.run
    times = rounds.timed(sides, bench.given.rounds, ROUND_SECONDS)
    ratio = rounds.ratio(times)
    bench.add(
        case=name,
        **columns(times),
        ratio=ratio,
        **{"ratio of rounds": rounds.ratio_range(times)},
        **results.at_least(ratio, case.aim, "x"),
        **work(jobs, times["jaxamp"].median, bench.report["limits"]),
    )


def peer_task(case, jobs):
    """What the peer must prepare to do the same."""
    largest = jobs[-1]
    data = largest.dataset
    return {
        "network": case.network,
        "batch": data.batch,
        "inputs": data.context + data.outputs,
        "outputs": case.window,
        "hyperparameters": dict(largest.task.model.hyperparameters),
        **case.peer_options,
    }


def columns(times):
    """Milliseconds and spread of each side."""
    row = {}
    for side in ("jaxamp", "peer"):
        measured = times.get(side)
        row[f"{side} ms"] = 1e3 * measured.median if measured else None
        row[f"{side} spread %"] = measured.spread if measured else None
    return row


def work(jobs, seconds, measured_limits):
    """Arithmetic and traffic of a step, all sizes together."""
    flops = traffic = 0
    for job in jobs:
        model = job.task.model
        samples = counts.samples_per_step(job, is_recurrent(model))
        flops += samples * counts.flops_per_sample(model)
        traffic += samples * counts.bytes_per_sample(model)
    return counts.against_limits(seconds, flops, traffic, measured_limits)


def remarks(bench):
    bench.note(" ".join(counts.__doc__.split()))
    bench.note(
        "LSTM 1x16 and 3x18: both hear 4,096 samples of burn-in without learning and "
        "learn from 4,096 in chunks of 512; the peer's loss also looks at the burn-in, "
        "jaxamp's does not. Judged alike: the peer's loss is cut to the same 4,096."
    )


if __name__ == "__main__":
    main()
