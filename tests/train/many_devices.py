"""Run by `test_devices.py` in a process of its own, which has eight devices.

    python many_devices.py

Prints, as JSON: name of a case -> the largest difference of any number of the state
after 20 steps, between eight devices and one; how the program for eight is made, and
how often it is compiled where that is begun ahead.
"""

import dataclasses
import json
import logging
import os
import re
import sys
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["NPROC"] = "16"  # or devices that wait for each other leave none to work
sys.path.append(str(Path(__file__).resolve().parents[1]))

import jax
import numpy as np
from compilations import Compilations
from tiny import WAVENET, capture, task

from jaxamp.core.compile_cache import use_compile_cache
from jaxamp.data import windows
from jaxamp.losses import weighted_sum
from jaxamp.models import recurrent
from jaxamp.train import (
    LearningRates,
    Member,
    Plan,
    Unwritten,
    dealt,
    everywhere,
    start,
    train_steps,
)
from jaxamp.train.ahead import shapes_of_call
from jaxamp.train.devices import fetched, placed

BATCH, STEPS = 16, 20
KNOBBED = recurrent(hidden=[3], controls=["gain", "tone"])
SPECTRAL = weighted_sum(
    {
        "mse": {"weight": 1.0},
        "stft": {"weight": 1e-3, "fft_size": 32, "hop": 8, "window": 16},
    }
)
"""Its convergence is a ratio over the whole batch, so devices must add up in it."""

CASES = {
    "windows one by one, a spectral loss, an average": (
        WAVENET,
        {"microbatch": 1, "loss": SPECTRAL, "average_decay": 0.5},
    ),
    "an update every chunk, and knobs": (
        KNOBBED,
        {"chunk": 16, "update_every_chunk": True},
    ),
}


def learned(mesh, model, options):
    """The state after all steps, and the program that made them."""
    one = task(model, mesh=mesh, **options)
    knobs = len(model.controls)
    captures = [
        dataclasses.replace(
            capture(2000, seed=i), controls=np.full(knobs, i, np.float32)
        )
        for i in range(2)
    ]
    data = windows(captures, context=32, outputs=64, batch=BATCH)
    arguments = (
        (one,),
        (placed(mesh, start(one, 0, BATCH)),),
        everywhere(mesh, data),
        np.full(1000, 0.003, np.float32),
        np.int32(STEPS),
        None,
    )
    member = Member(
        task=one,
        dataset=arguments[2],
        passages=[],
        plan=Plan(STEPS, validate_every=STEPS),
        seed=0,
        rates=LearningRates(lambda step: 0.003),
        checkpoints=Unwritten(),
        log=Unwritten(),
    )
    program = train_steps.lower(*shapes_of_call([member])).compile()
    (state,), _, _ = train_steps(*arguments)
    return fetched(state), program.as_text()


def main():
    use_compile_cache()
    mesh, report = dealt(BATCH, 8), {}
    jax.config.update("jax_log_compiles", True)
    seen = Compilations()
    logging.getLogger("jax").addHandler(seen)
    for name, (model, options) in CASES.items():
        alone, _ = learned(None, model, options)
        seen.count = 0
        together, text = learned(mesh, model, options)
        pairs = zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True)
        report[name] = {
            "difference": max(float(np.max(np.abs(a - b))) for a, b in pairs),
            "compiled": seen.count,
            "cut": re.findall(r"= f32\[(\d+),\d+\]\S* gather\(", text),
            "gathered": len(re.findall(r" (?:all-gather|all-to-all)\(", text)),
            "sums": len(re.findall(r" all-reduce\(", text)),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
