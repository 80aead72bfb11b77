"""What do shorter numbers cost in ESR?

    uv run python experiments/003_precision/run.py --steps 500 --seeds 0,1,2

Trains A1 nano on the demo in float32, tensorfloat32 and bfloat16, everything else
equal, and writes the validation ESR after the last step to `result.json`. A CPU has no
tensorfloat32; there, both factors of every product are rounded to its 10 bits, on the
way forward and back, and the sums stay float32, as the hardware does it.
"""

import argparse
import contextlib
import dataclasses
import json
import statistics
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import jaxamp.layers.conv as convolutions
from jaxamp.cli.assemble import assemble
from jaxamp.cli.config import build, conf_folder
from jaxamp.train import LearningRates, kept_params, start, train_steps, validation_esr

PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
TF32_BITS = {"exponent_bits": 8, "mantissa_bits": 10}

PRODUCTS = ("forward", "backward_in_time", "of_weights", "product", "pairs")
"""Functions of `layers/conv.py` whose first two arguments are multiplied."""


@jax.custom_vjp
def rounded(x):
    """x as a TF32 unit reads it; what comes back is not rounded by reading."""
    return jax.lax.reduce_precision(x, **TF32_BITS)


rounded.defvjp(lambda x: (rounded(x), None), lambda _, change: (change,))


def of_rounded(function):
    """The function of rounded factors."""

    def call(one, other, *rest):
        return function(rounded(one), rounded(other), *rest)

    return call


@contextlib.contextmanager
def emulated(wanted):
    """Rounds the factors of every product meanwhile, if that is wanted."""
    exact = {name: getattr(convolutions, name) for name in PRODUCTS}
    try:
        for name, function in exact.items() if wanted else ():
            setattr(convolutions, name, of_rounded(function))
        yield
    finally:
        for name, function in exact.items():
            setattr(convolutions, name, function)


def job(precision, seed, steps):
    """What the command line would train."""
    overrides = [f"train.precision={precision}", f"train.steps={steps}", f"seed={seed}"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", overrides), resolve=True)
    recording = build(config["data"], "data")
    model = build(config["model"], "model", sample_rate=recording.sample_rate)
    made = assemble(config, model, recording)
    # A copy is another model to the compiler: emulated and exact share no program.
    model = dataclasses.replace(model)
    return dataclasses.replace(made, task=dataclasses.replace(made.task, model=model))


def trained_esr(precision, seed, steps):
    """Validation ESR of one training."""
    one = job(precision, seed, steps)
    states = (start(one.task, seed, one.dataset.batch),)
    rates = LearningRates(one.learning_rate)
    with emulated(precision == "tensorfloat32" and jax.default_backend() == "cpu"):
        while (done := int(states[0].step)) < steps:
            count = jnp.int32(min(100, steps - done))
            states, _, healthy = train_steps(
                (one.task,), states, one.dataset, rates.after(done), count, one.weights
            )
            if not np.all(healthy):
                raise SystemExit(f"{precision}, seed {seed}: the loss is not finite.")
    return validation_esr(
        one.task.model, kept_params(one.task.model, states[0]), one.passages
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", default="0,1,2")
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    found = {
        precision: [trained_esr(precision, seed, given.steps) for seed in seeds]
        for precision in PRECISIONS
    }
    for precision, values in found.items():
        listed = "  ".join(f"{value:.4f}" for value in values)
        print(f"{precision:14} mean {statistics.mean(values):.4f}   {listed}")
    facts = {"device": jax.devices()[0].device_kind, "steps": given.steps, "esr": found}
    file = Path(__file__).parent / "result.json"
    file.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
