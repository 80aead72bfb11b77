"""Does a member of a population learn what it would have learned alone?

    uv run python experiments/005_population/run.py --seeds 8 --steps 200

A1 nano on the demo, eight seeds side by side and one by one. Prints the largest
difference between their parameters after 20 steps, and the validation ESR of each at
the end, and writes both to result.json.
"""

import argparse
import json
import sys
from pathlib import Path

import jax
import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from jaxamp.cli.assemble import assemble
from jaxamp.cli.config import build, conf_folder
from jaxamp.report.comparison import half_interval
from jaxamp.train import (
    Population,
    cores,
    kept_params,
    side_by_side,
    use_devices,
    validation_esr,
)

sys.path.append(str(Path(__file__).resolve().parents[1]))
from members import running

COMPARED_AFTER = 20
"""Steps after which parameters are compared; later, rounding has grown to a seed's."""

STEPS_A_CALL = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    use_devices(cores())
    job = nano(given.steps)
    together = [running(job, seed) for seed in range(given.seeds)]
    alone = [running(job, seed) for seed in range(given.seeds)]
    population = Population()
    for step in range(0, given.steps, STEPS_A_CALL):
        move(population, together, step)
        for run in alone:
            move(side_by_side, [run], step)
        if step + STEPS_A_CALL == COMPARED_AFTER:
            pairs = zip(together, alone, strict=True)
            differences = [difference(one, other) for one, other in pairs]
            print(f"largest difference of a parameter: {max(differences):.3g}")
    esrs = {"together": judged(job, together), "alone": judged(job, alone)}
    for side, values in esrs.items():
        told = "  ".join(f"{value:.5f}" for value in values)
        mean, half = np.mean(values), half_interval(values)
        print(f"{side:9} {mean:.5f} ± {half:.5f}   {told}")
    facts = {
        "device": jax.devices()[0].device_kind,
        "devices": len(jax.devices()),
        "steps": given.steps,
        f"largest_difference_after_{COMPARED_AFTER}": max(differences),
        "esr": esrs,
    }
    file = Path(__file__).parent / "result.json"
    file.write_text(json.dumps(facts, indent=2) + "\n")


def nano(steps):
    """What the command line would train."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = compose("train", [f"train.steps={steps}", "train.devices=1"])
    config = OmegaConf.to_container(composed, resolve=True)
    recording = build(config["data"], "data")
    model = build(config["model"], "model", sample_rate=recording.sample_rate)
    return assemble(config, model, recording)


def move(advance, runs, step):
    """Some steps of each member."""
    states, _, healthy = advance(runs, step, STEPS_A_CALL)()
    if not np.all(healthy):
        raise SystemExit(f"Not finite after step {step}.")
    for run, state in zip(runs, states, strict=True):
        run.state = state


def difference(one, other):
    """The largest difference of a parameter."""
    apart = np.asarray(one.state.params) - np.asarray(other.state.params)
    return float(np.max(np.abs(apart)))


def judged(job, runs):
    """The validation ESR of each."""
    model = job.task.model
    return [
        validation_esr(model, kept_params(model, run.state), job.passages)
        for run in runs
    ]


if __name__ == "__main__":
    main()
