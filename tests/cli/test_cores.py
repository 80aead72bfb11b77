"""A command by itself deals the windows of a step out to the cores of its CPU."""

import subprocess
import sys

import numpy as np
import pytest
from runs import QUICK, assert_same_bits, run, vectors

from jaxamp.train import cores

pytestmark = pytest.mark.skipif(cores() < 2, reason="one core is one device")


COMMANDS = """
import sys
from jaxamp.cli.main import main
for folder, steps in (("cores", 10), ("twice", 5), ("twice", 10)):
    where = [f"train.steps={steps}", f"hydra.run.dir={folder}"]
    assert main(["train", *sys.argv[1:], *where]) == 0
"""


def test_cores_learn_what_one_device_learns_and_go_on_with_the_same_bits(
    tmp_path, capsys
):
    command = [sys.executable, "-c", COMMANDS, *QUICK, "train.devices=auto"]
    made = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    said = f"dealt out to {min(cores(), 4)} devices"  # of a batch of 4
    assert made.stdout.count(said) == 3
    alone = run(
        capsys, "train", *QUICK, "train.steps=10", f"hydra.run.dir={tmp_path / 'one'}"
    )
    assert alone.status == 0
    assert "dealt out" not in alone.out
    one, shared = vectors(tmp_path / "one"), vectors(tmp_path / "cores")
    assert one.keys() == shared.keys()
    for kind in one:
        np.testing.assert_allclose(shared[kind], one[kind], rtol=0, atol=1e-5)
    assert made.stdout.count("Going on from step 5 of 10.") == 1
    assert_same_bits(tmp_path / "twice", tmp_path / "cores")
