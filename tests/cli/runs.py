"""Commands run inside the test's own process, and the tiny run most of them use."""

import dataclasses
import sys

import numpy as np
from absl import logging

from jaxamp.cli.main import main
from jaxamp.train import Checkpoints

# Hydra closes every handler of logs, and absl's then closes the stderr it was born
# with, which would be pytest's own unless it is one that absl leaves alone.
logging.get_absl_handler().python_handler.stream = sys.__stderr__

TINY = (
    "data.seconds=3",
    "data.validation_seconds=1",
    "model=lstm/1x8",
    "model.hidden=[3]",
    "loss=mse",
    "schedule=constant",
    "train.outputs=512",
    "train.batch=4",
    "train.devices=1",
    "train.burn_in=256",
    "train.validate_every=5",
)
"""Overrides of a run that takes a second or two.

On one device, as a process that has used JAX already has no other: so runs of this
process and of others can be compared. `test_cores.py` trains on a device of each core.
"""

QUICK = (
    *(one for one in TINY if not one.startswith(("model", "train.burn_in"))),
    "model=linear/256",
    "model.receptive_field=8",
)
"""The same with a model that compiles in no time."""


@dataclasses.dataclass(frozen=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str


def run(capsys, *arguments):
    """A command, what it printed and its exit status."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return Said(status, printed.out, printed.err)


def train(capsys, folder, *overrides):
    """`jaxamp train` with the tiny run's overrides."""
    return run(capsys, "train", *TINY, *overrides, f"hydra.run.dir={folder}")


def assert_refused(said, *words):
    """Status 2 and one paragraph that says all of `words`."""
    assert said.status == 2, said
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("jaxamp: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    for word in words:
        assert word in said.err, said.err


def vectors(folder):
    """Every number of the newest checkpoint of a run."""
    checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
    try:
        return checkpoints.stored(checkpoints.steps()[0])[1]
    finally:
        checkpoints.close()


def assert_same_bits(folder, other):
    one, two = vectors(folder), vectors(other)
    assert one.keys() == two.keys()
    for kind in one:
        np.testing.assert_array_equal(one[kind], two[kind])


def esrs(rows):
    """step -> validation ESR, from the rows of `metrics.jsonl`."""
    return {r["step"]: r["validation_esr"] for r in rows if "validation_esr" in r}
