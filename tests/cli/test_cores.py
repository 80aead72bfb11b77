"""A command by itself deals the windows of a step out to the cores of its CPU."""

import subprocess
import sys

import numpy as np
import pytest
from runs import QUICK, assert_same_bits, run, vectors

from jaxamp.train import cores

pytestmark = pytest.mark.skipif(cores() < 2, reason="one core is one device")


def trained(folder, steps):
    """A run in a process of its own, and what it printed."""
    command = [sys.executable, "-m", "jaxamp", "train", *QUICK, "train.devices=auto"]
    command += [f"train.steps={steps}", f"hydra.run.dir={folder}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_cores_learn_what_one_device_learns_and_go_on_with_the_same_bits(
    tmp_path, capsys
):
    said = trained(tmp_path / "cores", 10)
    assert f"dealt out to {min(cores(), 4)} devices" in said  # of a batch of 4
    alone = run(
        capsys, "train", *QUICK, "train.steps=10", f"hydra.run.dir={tmp_path / 'one'}"
    )
    assert alone.status == 0
    assert "dealt out" not in alone.out
    one, shared = vectors(tmp_path / "one"), vectors(tmp_path / "cores")
    assert one.keys() == shared.keys()
    for kind in one:
        np.testing.assert_allclose(shared[kind], one[kind], rtol=0, atol=1e-5)
    trained(tmp_path / "twice", 5)
    trained(tmp_path / "twice", 10)
    assert_same_bits(tmp_path / "twice", tmp_path / "cores")
