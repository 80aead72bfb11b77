"""A command by itself deals the windows of a step out to the cores of its CPU."""

import json
import subprocess
import sys

import numpy as np
import pytest
from runs import TINY, assert_same_bits, vectors

from jaxamp.train import cores

SHARED = [one for one in TINY if one != "train.devices=1"]

pytestmark = pytest.mark.skipif(cores() < 2, reason="one core is one device")


def trained(folder, steps, *overrides):
    """A run in a process of its own, and what it printed."""
    command = [sys.executable, "-m", "jaxamp", "train", *SHARED, *overrides]
    command += [f"train.steps={steps}", f"hydra.run.dir={folder}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_cores_learn_what_one_device_learns_and_go_on_with_the_same_bits(tmp_path):
    said = trained(tmp_path / "cores", 20)
    assert f"dealt out to {min(cores(), 4)} devices" in said  # of a batch of 4
    assert "dealt out" not in trained(tmp_path / "one", 20, "train.devices=1")
    one, shared = vectors(tmp_path / "one"), vectors(tmp_path / "cores")
    for kind in one:
        np.testing.assert_allclose(shared[kind], one[kind], rtol=0, atol=1e-5)
    errors = [
        json.loads((tmp_path / name / "result.json").read_text())["esr"]
        for name in ("cores", "one")
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    trained(tmp_path / "twice", 10)
    trained(tmp_path / "twice", 20)
    assert_same_bits(tmp_path / "twice", tmp_path / "cores")
