"""Is a GPU used well: whole trainings, populations, and a stack beside cuDNN's?

Refuses where JAX finds no GPU. Compiling is left out of the rates and told apart.
"""

import sys
import time

import counts
import jax
import jax.numpy as jnp
import limits
import ours
import program
import results
import rounds
import training

from jaxamp.models import is_recurrent
from jaxamp.train import draw, start, train_step

EPOCHS = 100
STEPS_PER_EPOCH = 62
"""Of the recipe's three-minute file: 16 windows of 8,192 samples a step."""

MEMBERS = 64
ROUND_SECONDS = 2.0


def main():
    with program.run(
        "gpu",
        __doc__,
        cores=1,
        cases=CASES,
        headline="ms a step",
        limits=checked_limits,
        options=lambda parser: parser.add_argument(
            "--any-device", action="store_true", help="try it out without a GPU"
        ),
    ) as bench:
        for name in bench.cases:
            CASES[name](bench, name)
        bench.note(f"Device: {jax.devices()[0].device_kind}.")
        bench.note(" ".join(counts.__doc__.split()))


def checked_limits():
    """The device's limits; ends the program where it is no GPU."""
    if jax.default_backend() != "gpu" and "--any-device" not in sys.argv:
        raise SystemExit(
            f"This needs a GPU; JAX found only {jax.devices()[0].device_kind}. Install "
            "jaxamp with its cuda13 (or cuda12) extra on a machine that has one."
        )
    return limits.on_device()


def whole_training(overrides, aim_seconds):
    """A training of 100 epochs, from a rate measured over a few seconds."""

    def run(bench, name):
        jobs = ours.jobs(*overrides)
        times = rounds.timed(
            {"jaxamp": ours.Learner(jobs).steps}, bench.given.rounds, ROUND_SECONDS
        )
        step = times["jaxamp"].median
        seconds = EPOCHS * STEPS_PER_EPOCH * step
        bench.add(
            case=name,
            **{"ms a step": 1e3 * step, "spread %": times["jaxamp"].spread},
            **{"100 epochs s": seconds},
            **results.at_most(seconds, aim_seconds, " s"),
            **training.work(jobs, step, bench.report["limits"]),
        )

    return run


def population(bench, name):
    """Members that learn side by side, against one that learns alone."""
    (job,) = ours.jobs("+experiment=nam_a1", "model=wavenet/nano")
    sides = {
        "alone": members(job, 1),
        "together": members(job, MEMBERS),
    }
    times = rounds.timed(sides, bench.given.rounds, ROUND_SECONDS)
    gain = MEMBERS * times["alone"].median / times["together"].median
    flops = counts.flops_per_sample(job.task.model)
    traffic = counts.bytes_per_sample(job.task.model)
    samples = MEMBERS * counts.samples_per_step(job, is_recurrent(job.task.model))
    step = times["together"].median
    bench.add(
        case=name,
        **{"ms a step": 1e3 * step, "spread %": times["together"].spread},
        **{"throughput of one": gain},
        **results.at_least(gain, 20, "x one"),
        **counts.against_limits(
            step, samples * flops, samples * traffic, bench.report["limits"]
        ),
    )


def members(job, size):
    """Function of a number: so many steps of all members, and the seconds."""
    begun = [start(job.task, seed, job.dataset.batch) for seed in range(size)]
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *begun)
    rate = job.learning_rate(0)

    @jax.jit
    def steps(states, dataset, units):
        def step(state):
            batch = draw(dataset, state.seed, state.step)
            return train_step(job.task, state, batch, rate, job.weights)[0]

        return jax.lax.fori_loop(0, units, lambda _, all: jax.vmap(step)(all), states)

    def run(units):
        nonlocal states
        begin = time.perf_counter()
        states = jax.block_until_ready(steps(states, job.dataset, jnp.int32(units)))
        return time.perf_counter() - begin

    return run


def stack(bench, name):
    """The stacked LSTM beside torch's, which is cuDNN's on a GPU."""
    case = training.CASES["LSTM 64-64-1"]
    jobs = ours.jobs(*case.overrides)
    sides = {"jaxamp": ours.Learner(jobs).steps}
    if bench.peer:
        task = training.peer_task(case, jobs)
        device = "cuda" if jax.default_backend() == "gpu" else "cpu"
        bench.peer.prepare("training", **task, device=device)
        sides["peer"] = bench.peer.run
    times = rounds.timed(sides, bench.given.rounds, ROUND_SECONDS)
    ratio = rounds.ratio(times)
    step = times["jaxamp"].median
    bench.add(
        case=name,
        **{"ms a step": 1e3 * step, "spread %": times["jaxamp"].spread},
        **{"peer ms": 1e3 * times["peer"].median if "peer" in times else None},
        ratio=ratio,
        **results.at_least(ratio, 1.0, "x cuDNN"),
        **training.work(jobs, step, bench.report["limits"]),
    )


CASES = {
    "A1 standard": whole_training(training.CASES["A1 standard"].overrides, 20),
    "A2 pair": whole_training(training.CASES["A2 pair"].overrides, 40),
    "64 A1 nano": population,
    "LSTM 64-64-1": stack,
}

if __name__ == "__main__":
    main()
