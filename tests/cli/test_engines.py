"""Sweeps on the launchers and sweepers users already have, against real instances."""

import importlib.util
import json
import sqlite3
import subprocess
import sys

import pytest
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from runs import QUICK, run

from jaxamp.cli.main import main

SHORT = ("train.steps=2", "train.validate_every=2")
HAS_RAY = importlib.util.find_spec("ray") is not None


def sweep(folder, *overrides):
    """A sweep in a process of its own, as each engine wants to start others."""
    return subprocess.run(
        [sys.executable, "-m", "jaxamp", "train", "-m", *QUICK, *SHORT, *overrides,
         f"hydra.sweep.dir={folder}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def esrs(folder):
    """name of a job -> its ESR"""
    return {
        file.parent.name: json.loads(file.read_text())["esr"]
        for file in folder.glob("*/result.json")
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What a job in this process gives."""
    folder = tmp_path_factory.mktemp("plain")
    words = ["train", "-m", *QUICK, *SHORT, "seed=0", f"hydra.sweep.dir={folder}"]
    assert main(words) == 0
    return esrs(folder)["0"]  # nothing is swept that could name it


@pytest.mark.parametrize(
    "engine",
    [
        "joblib",
        "local",
        pytest.param(
            "ray",
            marks=pytest.mark.skipif(
                not HAS_RAY, reason="Ray is large, and not among the test tools"
            ),
        ),
    ],
)
def test_an_engine_gives_what_one_process_gives(engine, tmp_path, expected):
    said = sweep(tmp_path, f"+engine={engine}", "seed=0,-1")
    assert said.returncode == 2, said.stderr
    assert "1 of 2 jobs failed: seed=-1." in said.stderr
    assert said.stderr.count("seed=-1 failed: seed=-1 must be a whole number") == 1
    found = esrs(tmp_path)
    assert found == {"seed=0": expected}
    assert (tmp_path / "comparison.csv").is_file()


class Away:
    """A launcher whose jobs work in another folder, and leave nothing in ours."""

    def __init__(self):
        self.placed = []

    def launch(self, overrides, first):
        self.placed += overrides
        done = JobReturn(status=JobStatus.COMPLETED, _return_value=0.5)
        return [done for _ in overrides]


def test_jobs_are_told_the_whole_folder_and_missed_if_they_leave_nothing_there(
    tmp_path, monkeypatch, capsys
):
    away, real = Away(), Plugins.instantiate_launcher

    def instantiated(self, *, config, **given):
        ours = config.hydra.launcher._target_.endswith("Engine")
        return real(self, config=config, **given) if ours else away

    monkeypatch.setattr(Plugins, "instantiate_launcher", instantiated)
    monkeypatch.chdir(tmp_path)
    folder = r"hydra.sweep.dir='it\'s/runs'"
    words = (*QUICK, *SHORT, "+engine=joblib", "seed=3,4", folder)
    said = run(capsys, "train", "-m", *words)
    assert [words[-3:] for words in away.placed] == [
        [
            f"seed={seed}",
            f"hydra.sweep.dir='{tmp_path}/it\\'s/runs'",
            f"hydra.sweep.subdir='seed={seed}'",
        ]
        for seed in (3, 4)
    ]
    assert said.status == 2
    assert "It was done where" in said.err
    assert "2 of 2 jobs failed" in said.err


def test_optuna_keeps_its_study_and_goes_on_with_it(tmp_path, capsys):
    searched = ("+search=optuna", "hydra.sweeper.n_trials=2")
    words = ("train", "-m", *QUICK, *SHORT, *searched, f"hydra.sweep.dir={tmp_path}")
    for times in (1, 2):
        said = run(capsys, *words)
        assert said.status == 0, said
        with sqlite3.connect(tmp_path / "study.db") as study:
            values = study.execute("select value from trial_values").fetchall()
        assert len(values) == 2 * times
    assert sorted(value for (value,) in values) == sorted(esrs(tmp_path).values())


@pytest.mark.parametrize("recipe", ["joblib", "local", "slurm"])
def test_every_recipe_for_an_engine_can_be_composed(recipe, capsys):
    said = run(capsys, "train", f"+engine={recipe}", "--cfg", "hydra")
    assert said.status == 0, said
    assert "hydra_plugins.jaxamp.Engine" in said.out
