"""Trains with jaxamp and measures the held-out passage after the peer's budgets.

The counterpart of train.py, in jaxamp's environment: the same recording and the same
held-out end, the parameters as they are after so many steps, no best step picked.

    python experiments/peer/budgets.py --output FILE.json [overrides …]
"""

import argparse
import json
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from jaxamp.cli.assemble import assemble
from jaxamp.cli.complete import versions
from jaxamp.cli.config import build, conf_folder
from jaxamp.train import (
    LearningRates,
    kept_params,
    start,
    train_steps,
    validation_esr,
)

STEPS_A_CALL = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--budgets", default="310,434,620,930,1240")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = compose("train", given.overrides)
    config = OmegaConf.to_container(composed, resolve=True)
    recording = build(config["data"], "data")
    model = build(config["model"], "model", sample_rate=recording.sample_rate)
    job = assemble(config, model, recording)
    budgets = [int(budget) for budget in given.budgets.split(",")]
    result = {
        "overrides": [o for o in given.overrides if not o.startswith("data.")],
        "findings": {"delay": recording.findings["pairs"][0]["delay"]},
        "versions": versions(),
        "esr": {},
    }
    for budget, esr, pace in measured(job, budgets):
        print(f"step {budget}: ESR {esr:.5f}, {pace:.3f} s per step", flush=True)
        result["esr"][str(budget)] = esr
        result["seconds_per_step"] = pace
        given.output.write_text(json.dumps(result, indent=2) + "\n")


def measured(job, budgets):
    """Yields (steps, held-out ESR, seconds a step) at each budget."""
    states = (start(job.task, job.seed, job.dataset.batch),)
    rates = LearningRates(job.learning_rate)
    made, seconds = 0, 0.0
    for budget in budgets:
        while made < budget:
            steps = min(budget - made, STEPS_A_CALL)
            begin = time.perf_counter()
            states, _, healthy = train_steps(
                (job.task,),
                states,
                job.dataset,
                rates.after(made),
                jnp.int32(steps),
                job.weights,
            )
            if not np.all(healthy):
                raise SystemExit(f"not finite after step {int(states[0].step)}")
            seconds += time.perf_counter() - begin
            made += steps
        esr = validation_esr(
            job.task.model, kept_params(job.task.model, states[0]), job.passages
        )
        yield budget, esr, seconds / made


if __name__ == "__main__":
    main()
