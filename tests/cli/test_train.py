"""`jaxamp train`: what a run leaves behind, and that it can be taken up again."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from runs import TINY, assert_refused, assert_same_bits, esrs, run, train

import jaxamp
from jaxamp.formats import read
from jaxamp.train import read_lines

KEYS = {
    "architecture", "model", "choices", "seed", "parameters", "macs_per_sample",
    "receptive_field", "sample_rate", "esr", "metrics", "realtime_factor", "train",
    "device", "versions",
}  # fmt: skip


def test_a_run_leaves_everything_that_was_promised(finished):
    names = {path.name for path in finished.iterdir()}
    assert {
        "config.yaml", "checkpoints", "metrics.jsonl", "tensorboard", "model.nam",
        "result.json", "first_look.png", "metadata.json",
    } <= names  # fmt: skip
    assert not [name for name in names if name.startswith(".")], "nothing half-written"
    result = json.loads((finished / "result.json").read_text())
    assert result.keys() >= KEYS
    assert {"steps", "seconds", "samples_per_second"} <= result["train"].keys()
    assert result["train"]["steps"] == 20
    assert result["metrics"]["esr"] == result["esr"]
    assert (result["architecture"], result["model"]) == ("LSTM", "lstm/1x8")
    assert result["parameters"] == 4 * 3 * (1 + 3 + 1) + 3 + 1 + 0
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["model"]["hidden"] == [3]
    assert "${" not in (finished / "config.yaml").read_text(), "all is resolved"
    assert (finished / "first_look.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert list((finished / "tensorboard").glob("events*"))
    assert list((finished / "tensorboard").glob("result*"))
    _, _, metadata = read(finished / "model.nam")
    assert np.isclose(metadata["training"]["validation_esr"], result["esr"])
    assert metadata["loudness"] < 0


def test_the_result_is_the_best_validation_of_the_run(finished):
    result = json.loads((finished / "result.json").read_text())
    found = esrs(read_lines(finished / "metrics.jsonl"))
    assert set(found) == {5, 10, 15, 20}
    assert result["train"]["best_step"] == min(found, key=lambda step: found[step])
    np.testing.assert_allclose(result["esr"], min(found.values()), rtol=1e-4)


def test_a_finished_run_started_again_says_so_and_gives_the_same(
    finished, tmp_path, capsys
):
    folder = shutil.copytree(finished, tmp_path / "run")
    said = train(capsys, folder, "train.steps=20")
    assert said.status == 0, said
    assert "Going on from step 20 of 20." in said.out
    assert "All steps are done." in said.out
    assert f"To hear and see it: jaxamp report {folder}" in said.out
    before, after = (
        json.loads((place / "result.json").read_text()) for place in (finished, folder)
    )
    for key in ("esr", "metrics", "train", "parameters"):
        assert after[key] == before[key]
    assert_same_bits(folder, finished)


def test_more_steps_continue_a_run_bit_for_bit(finished, tmp_path, capsys):
    folder = tmp_path / "run"
    assert train(capsys, folder, "train.steps=10").status == 0
    said = train(capsys, folder, "train.steps=20")
    assert "Going on from step 10 of 20." in said.out
    assert_same_bits(folder, finished)
    rows = [
        [row["step"] for row in read_lines(place / "metrics.jsonl")]
        for place in (folder, finished)
    ]
    assert sorted(set(rows[0])) == rows[0], "no step is told twice"
    assert rows[0][-1] == rows[1][-1] == 20


@pytest.mark.parametrize("optimizer", ["muon", "soap"])
def test_optimizers_of_layers_are_taken_up_bit_for_bit(tmp_path, capsys, optimizer):
    more = (f"optimizer={optimizer}", "train.average_decay=0.5")
    one, other = tmp_path / "cut", tmp_path / "whole"
    for folder, steps in ((one, 5), (one, 15), (other, 15)):
        said = train(capsys, folder, *more, f"train.steps={steps}")
        assert said.status == 0, said
    assert_same_bits(one, other)


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_used(
    finished, tmp_path, capsys
):
    folder = shutil.copytree(finished, tmp_path / "run")
    stored = folder / "checkpoints" / "20" / "state" / "d"
    largest = max(stored.iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    said = train(capsys, folder, "train.steps=20")
    assert said.status == 0, said
    assert "jaxamp: warning: Checkpoint 20" in said.err
    assert "Going on from step 15 of 20." in said.out
    assert_same_bits(folder, finished)


FILES = {
    "config.yaml": b"a: [",
    "capture.json": b'{"pairs"',
    "metrics.jsonl": b'\xff{"stpe": 3}\n{"step": 5}\n[]\n{"step": 10, "lo',
    "result.json": b"{",
    "model.nam": b"",
}


def test_files_that_are_lost_or_damaged_are_made_anew(finished, tmp_path, capsys):
    folder = shutil.copytree(finished, tmp_path / "run")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / ".model.nam.123.partial").write_bytes(b"{")
    said = train(capsys, folder, "train.steps=20")
    assert said.status == 0, said
    assert said.err == ""
    for name in FILES.keys() - {"metrics.jsonl", "result.json", "model.nam"}:
        assert (folder / name).read_bytes() == (finished / name).read_bytes()
    assert read(folder / "model.nam")
    assert not list(folder.glob(".*part*"))
    for name in FILES:
        (folder / name).unlink()
    assert_refused(train(capsys, folder, "seed=3"), "seed was 0, now 3")
    assert not (folder / "config.yaml").exists()
    assert train(capsys, folder, "train.steps=20").status == 0
    assert_same_bits(folder, finished)


def test_where_no_checkpoint_is_whole_the_run_says_so_and_begins_anew(
    finished, tmp_path, capsys
):
    folder = shutil.copytree(finished, tmp_path / "run")
    for record in folder.glob("checkpoints/*/record/metadata"):
        record.write_text(record.read_text().replace('"stale"', '"stolen"'))
    said = train(capsys, folder, "train.steps=20")
    assert said.status == 0, said
    assert "the checksum of its record is wrong. It is set aside in" in said.err
    assert "There is no other, so the run begins anew." in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert_same_bits(folder, finished)
    assert len(list((folder / "damaged").iterdir())) > 1


def test_a_run_of_another_configuration_is_refused(finished, capsys):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*")}
    said = train(capsys, finished, "train.steps=20", "seed=3")
    assert_refused(said, "another configuration", "seed was 0, now 3")
    assert {p: p.stat().st_mtime_ns for p in finished.rglob("*")} == before


def test_a_loss_that_is_not_finite_stops_with_its_step(tmp_path, capsys):
    said = train(
        capsys, tmp_path / "run", "train.steps=20", "loss.terms.mse.weight=1e39"
    )
    assert_refused_late(said)
    assert "stopped being finite at step 1." in said.err
    assert "train.clip_norm" in said.err
    model, params = jaxamp.load(tmp_path / "run")
    assert np.all(np.isfinite(jaxamp.process(model, params, np.zeros(10))))


def assert_refused_late(said):
    assert said.status == 2
    assert said.err.startswith("jaxamp: ")
    assert len(said.err.strip().splitlines()) == 1


def test_a_mistake_shows_its_traceback_only_when_asked(tmp_path, capsys):
    wrong = ("train.steps=0", f"hydra.run.dir={tmp_path / 'run'}")
    assert_refused(run(capsys, "train", *wrong), "train.steps=0")
    with pytest.raises(jaxamp.core.ConfigError, match=r"train\.steps=0"):
        run(capsys, "train", *wrong, "--debug")


# --- killed and interrupted: a process of its own ------------------------------------


def process(folder, steps=2000):
    """A run that lasts some seconds, in its own process."""
    arguments = [*TINY, f"train.steps={steps}", "train.validate_every=200"]
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jaxamp",
            "train",
            *arguments,
            f"hydra.run.dir={folder}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )


def wait_for_steps(running, folder, seconds=120):
    """Until the run has told of a step."""
    log = folder / "metrics.jsonl"
    deadline = time.monotonic() + seconds
    while not (log.is_file() and log.stat().st_size):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    arguments = [*TINY, "train.steps=2000", "train.validate_every=200"]
    from jaxamp.cli.main import main  # noqa: PLC0415

    assert main(["train", *arguments, f"hydra.run.dir={folder}"]) == 0
    return folder


def test_a_killed_run_ends_like_one_that_was_not(uninterrupted, tmp_path, capsys):
    folder, pause = tmp_path / "run", random.Random(5)
    running = process(folder)
    wait_for_steps(running, folder)
    time.sleep(pause.uniform(0.0, 2.0))
    running.kill()
    running.communicate()
    said = train(capsys, folder, "train.steps=2000", "train.validate_every=200")
    assert said.status == 0, said
    assert_same_bits(folder, uninterrupted)


def test_an_interrupted_run_exports_its_best_and_can_go_on(
    uninterrupted, tmp_path, capsys
):
    folder = tmp_path / "run"
    running = process(folder)
    wait_for_steps(running, folder)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, (out, err)
    assert "Traceback" not in err
    assert "Interrupted; start it again" in out
    result = json.loads((folder / "result.json").read_text())
    assert result["train"]["stopped"] == "interrupted"
    assert 0 < result["train"]["steps"] < 2000
    assert read(folder / "model.nam")
    said = train(capsys, folder, "train.steps=2000", "train.validate_every=200")
    assert said.status == 0, said
    assert_same_bits(folder, uninterrupted)
