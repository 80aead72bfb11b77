"""Sweeps: complete jobs, each once, whatever happens to the others."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from runs import QUICK, TINY, assert_refused, assert_same_bits, esrs, run, vectors

from jaxamp.cli.folder import held
from jaxamp.cli.names import folder_name, unswept
from jaxamp.train import read_lines, train_steps

SHORT = ("train.steps=2", "train.validate_every=2")


def sweep(capsys, folder, *overrides):
    return run(capsys, "train", "-m", *TINY, *overrides, f"hydra.sweep.dir={folder}")


def results(folder):
    """name of a job -> its result"""
    return {
        file.parent.name: json.loads(file.read_text())
        for file in sorted(folder.glob("*/result.json"))
    }


def test_every_choice_is_trained_and_a_wrong_one_is_survived(tmp_path, capsys):
    said = sweep(capsys, tmp_path, *SHORT, "train.clip_norm=1,-1,2")
    assert said.status == 2
    assert "train.clip_norm=-1 failed: train.clip_norm=-1 must be" in said.err
    assert "1 of 3 jobs failed: train.clip_norm=-1." in said.err
    assert "Traceback" not in said.err
    assert set(results(tmp_path)) == {"train.clip_norm=1", "train.clip_norm=2"}
    assert not (tmp_path / "train.clip_norm=-1").exists()
    assert (tmp_path / "comparison.csv").is_file()


def test_seed_rate_weights_and_steps_share_one_program(tmp_path, capsys):
    before = train_steps._cache_size()  # pyright: ignore
    said = sweep(
        capsys, tmp_path, "train.validate_every=2", "train.clip_norm=1.5", "seed=0,1",
        "schedule=cosine", "optimizer.learning_rate=0.01,0.02", "train.steps=2",
        "loss.terms.mse.weight=${optimizer.learning_rate}",
    )  # fmt: skip
    assert said.status == 0, said
    assert len(results(tmp_path)) == 4
    assert train_steps._cache_size() == before + 1  # pyright: ignore


def test_each_job_is_composed_once(tmp_path, capsys, monkeypatch):
    composed, real = [], ConfigLoaderImpl.load_sweep_config

    def counted(self, master_config, sweep_overrides):
        composed.append(tuple(sweep_overrides[-2:]))
        return real(self, master_config, sweep_overrides)

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", counted)
    assert sweep(capsys, tmp_path, "train.steps=1,2", "seed=-1").status == 2
    assert composed == [("train.steps=1", "seed=-1"), ("train.steps=2", "seed=-1")]


def test_a_sweep_started_again_does_only_what_is_missing(tmp_path, capsys):
    first = sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    assert first.status == 0, first
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.glob("seed=*/*")}
    table = (tmp_path / "comparison.csv").read_text()
    again = sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    assert "2 jobs in" in again.out
    assert "2 of them done before" in again.out
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("seed=*/*")} == stamps
    assert (tmp_path / "comparison.csv").read_text() == table
    more = sweep(capsys, tmp_path, *SHORT, "seed=range(3)")
    assert "3 jobs in" in more.out
    assert "Job 1 of 1: seed=2" in more.out
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    assert set(results(tmp_path)) == {"seed=0", "seed=1", "seed=2"}


def test_more_steps_take_every_job_up_again(tmp_path, capsys):
    sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    longer = sweep(capsys, tmp_path, "train.steps=4", SHORT[1], "seed=0,1")
    assert "Going on from step 2 of 4." in longer.out
    assert [r["train"]["steps"] for r in results(tmp_path).values()] == [4, 4]


def test_a_sweep_in_the_folder_of_another_is_refused_before_it_trains(tmp_path, capsys):
    sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("seed=*/*")}
    said = sweep(capsys, tmp_path, *SHORT, "seed=0,1,2", "train.batch=2")
    assert_refused(said, "train.batch was 4, now 2", "hydra.sweep.dir=FOLDER")
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("seed=*/*")} == before


def test_two_sweeps_at_once_in_one_folder_are_refused(tmp_path, capsys):
    with held(tmp_path):
        said = sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    assert_refused(said, "Another jaxamp is working in", "hydra.sweep.dir=FOLDER")
    assert not results(tmp_path)


def test_a_run_directory_that_another_process_works_in_is_refused(tmp_path, capsys):
    with held(tmp_path):
        said = run(capsys, "train", *TINY, *SHORT, f"hydra.run.dir={tmp_path}")
    assert_refused(said, "Another jaxamp is working in", "hydra.run.dir=FOLDER")


def test_an_override_that_no_model_takes_is_refused_before_anything(tmp_path, capsys):
    said = run(
        capsys, "train", "-m", "model=wavenet/nano,lstm/1x16", "model.hiden=[3]",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )  # fmt: skip
    assert_refused(said, "model.hiden", "Did you mean model.hidden?")
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_job_that_breaks_after_it_began_leaves_the_reason(
    tmp_path, capsys, monkeypatch
):
    from jaxamp.cli import job  # noqa: PLC0415

    real = job.trained

    def broken(parts, *rest, **options):
        if parts[0].job.seed == 1:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory allocating 1 byte")
        return real(parts, *rest, **options)

    monkeypatch.setattr(job, "trained", broken)
    said = sweep(capsys, tmp_path, *SHORT, "seed=0,1,2")
    assert said.status == 2
    assert "seed=1 failed: It ran out of memory. Try train.microbatch=1" in said.err
    assert set(results(tmp_path)) == {"seed=0", "seed=2"}
    reason = json.loads((tmp_path / "seed=1" / "failure.json").read_text())
    assert "out of memory" in reason["message"]
    assert "RESOURCE_EXHAUSTED" in reason["trace"]
    assert "1 runs failed" in said.out
    monkeypatch.setattr(job, "trained", real)
    assert sweep(capsys, tmp_path, *SHORT, "seed=0,1,2").status == 0
    assert not (tmp_path / "seed=1" / "failure.json").exists()


def test_a_group_that_breaks_stops_no_other_group(tmp_path, capsys, monkeypatch):
    from jaxamp.cli import job  # noqa: PLC0415

    real = job.trained

    def broken(parts, *rest, **options):
        if parts[0].job.task.model.hyperparameters["hidden"] == [2]:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return real(parts, *rest, **options)

    monkeypatch.setattr(job, "trained", broken)
    swept = ("model.hidden=[2],[3]", "seed=0,1", "hydra/launcher=population")
    said = sweep(capsys, tmp_path, *SHORT, *swept)
    assert said.status == 2
    assert said.err.count("failed: It ran out of memory.") == 2
    assert "2 of 4 jobs failed" in said.err
    assert len(results(tmp_path)) == 2
    assert (tmp_path / "comparison.csv").is_file()
    assert len(list(tmp_path.glob("*/failure.json"))) == 2


@pytest.mark.parametrize("launcher", ["one_by_one", "population"])
def test_a_signal_in_the_last_call_of_a_job_stops_the_sweep(
    tmp_path, capsys, monkeypatch, launcher
):
    from jaxamp.cli import job  # noqa: PLC0415

    real = job.trained
    monkeypatch.setattr(job, "trained", lambda *a, **o: (real(*a, **o)[0], True))
    said = sweep(
        capsys, tmp_path, *SHORT, "model.hidden=[2],[3]", f"hydra/launcher={launcher}"
    )
    assert said.status == 130
    assert "Stopped. 1 of 2 jobs are done; the same command goes on" in said.err
    assert len(results(tmp_path)) == 1, "what was done is completed"


@pytest.mark.parametrize("wrong", ["0", "-1", "abc"])
def test_a_population_of_no_size_is_refused(tmp_path, capsys, wrong):
    said = sweep(
        capsys, tmp_path, "seed=0,1", "hydra/launcher=population",
        f"hydra.launcher.at_once={wrong}",
    )  # fmt: skip
    assert_refused(said, "at_once", "must be a whole number of 1 or more")


@pytest.mark.parametrize("content", ["a: [", "a: ${", "[" * 5000, "\x00", "- 3"])
def test_a_job_whose_configuration_is_damaged_is_refused(tmp_path, capsys, content):
    (tmp_path / "seed=0").mkdir()
    (tmp_path / "seed=0" / "config.yaml").write_text(content)
    said = sweep(capsys, tmp_path, *SHORT, "seed=0,1")
    assert said.status == 2
    assert "Traceback" not in said.err
    assert "seed=0" in said.err
    assert (tmp_path / "seed=0" / "config.yaml").read_text() == content


def process(*arguments):
    """A command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "jaxamp", "train", "-m", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("launcher", ["one_by_one", "population"])
def test_a_killed_sweep_repeats_no_finished_job_and_ends_alike(
    tmp_path, capsys, launcher
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    arguments = [
        *QUICK, "train.steps=20", "train.average_decay=0.1", "seed=0,1",
        f"hydra/launcher={launcher}",
    ]  # fmt: skip
    assert (
        run(capsys, "train", "-m", *arguments, f"hydra.sweep.dir={whole}").status == 0
    )
    killed = process(*arguments, f"hydra.sweep.dir={cut}")
    while killed.poll() is None and not list(cut.glob("*/result.json")):
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = {p: p.stat().st_mtime_ns for p in cut.glob("*/result.json")}
    assert done
    again = run(capsys, "train", "-m", *arguments, f"hydra.sweep.dir={cut}")
    assert again.status == 0, again
    assert f"{len(done)} of them done before" in again.out
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert results(cut).keys() == results(whole).keys()
    assert len(results(cut)) == 2
    for name, result in results(cut).items():
        assert_same_bits(cut / name, whole / name)
        assert result["metrics"] == results(whole)[name]["metrics"]


def test_a_population_is_its_jobs_alone(tmp_path, capsys):
    together, alone = tmp_path / "together", tmp_path / "alone"
    overrides = [
        "train.steps=20", "seed=1", "optimizer.learning_rate=0.004,0.02",
        "data.gain=0.3,0.6",
    ]  # fmt: skip
    made = sweep(capsys, together, *overrides, "hydra/launcher=population")
    assert made.status == 0, made
    assert "Group 1 of 1: lstm/1x8, 4 jobs side by side." in made.out
    assert sweep(capsys, alone, *overrides).status == 0
    assert results(together).keys() == results(alone).keys()
    for name, result in results(together).items():
        other = results(alone)[name]
        assert result.keys() == other.keys()
        files = [
            {p.name for p in (place / name).iterdir()} for place in (together, alone)
        ]
        assert files[0] == files[1]
        for kind, numbers in vectors(together / name).items():
            expected = vectors(alone / name)[kind]
            np.testing.assert_allclose(numbers, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(result["esr"], other["esr"], rtol=1e-3)
        rows = [
            esrs(read_lines(place / name / "metrics.jsonl"))
            for place in (together, alone)
        ]
        assert rows[0].keys() == rows[1].keys()


def test_shapes_make_groups_and_each_member_stops_for_itself(tmp_path, capsys):
    said = sweep(
        capsys, tmp_path, "train.steps=40", "train.patience=2",
        "model.hidden=[2],[3]", "optimizer.learning_rate=0.003,3.0",
        "hydra/launcher=population",
    )  # fmt: skip
    assert "Group 1 of 2: lstm/1x8, 2 jobs side by side." in said.out
    assert "Group 2 of 2: lstm/1x8, 2 jobs side by side." in said.out
    steps = {r["train"]["steps"] for r in results(tmp_path).values()}
    assert len(steps) > 1, "some stopped early, others did not"
    for name, result in results(tmp_path).items():
        found = esrs(read_lines(tmp_path / name / "metrics.jsonl"))
        assert max(found) == result["train"]["steps"]
        assert result["train"]["best_step"] == min(found, key=lambda step: found[step])


def test_names_say_what_is_swept_and_nothing_else():
    given = [
        "train.steps=5",
        "seed=0,1",
        "+experiment=nam_a1",
        "model=a,b",
        "seed=range(3)",
    ]
    assert unswept(given) == ["train.steps", "experiment"]
    assert folder_name("model=wavenet/nano,seed=0", 3) == "model=wavenet-nano,seed=0"
    assert folder_name("", 3) == "3"


@pytest.mark.parametrize(
    "hostile", ["a=../../x", "a=" + "y" * 500, "a=b c\n", "..", "/etc"]
)
def test_no_override_leaves_the_folder_of_its_sweep(hostile, tmp_path):
    name = folder_name(hostile, 0)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert 0 < len(name) <= 150
    assert name != folder_name(hostile + "!", 0)
