"""A run of several sizes leaves one file, as loud as the amp was recorded."""

import dataclasses
import json
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager

import jax
import numpy as np
import pytest
import soundfile
from runs import assert_refused, assert_same_bits, esrs, run
from tiny import RATE, noise

import jaxamp
from jaxamp.cli import job
from jaxamp.core import parameter_count
from jaxamp.data import demo
from jaxamp.formats import read
from jaxamp.train import read_lines

ARRAY = "[{channels:%d,dilations:[1,2],head_size:1,head_kernel_size:2,head_bias:true}]"

SIZES = (
    "+experiment=nam_a2",
    f"model.sizes.lite.model.arrays={ARRAY % 1}",
    f"model.sizes.full.model.arrays={ARRAY % 2}",
    "loss=mse",
    "data.seconds=3",
    "data.validation_seconds=1",
    "train.outputs=512",
    "train.batch=4",
    "train.steps=40",
    "train.validate_every=20",
)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    from jaxamp.cli.main import main  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("sizes") / "run"
    assert main(["train", *SIZES, f"hydra.run.dir={folder}"]) == 0
    return folder


def test_one_file_holds_both_sizes_with_the_normalisation_undone(sizes):
    result = json.loads((sizes / "result.json").read_text())
    assert [one["parameters"] for one in result["sizes"]] == [
        sum(
            leaf.size
            for leaf in jax.tree.leaves(read(sizes / "model.nam", size=share)[1])
        )
        for share in (0.2, 1.0)
    ]
    (passage,) = demo(seconds=3, validation_seconds=1).validation
    heard = np.concatenate([passage.context, passage.input])
    for share, name, one in zip(
        (0.2, 1.0), ("lite", "full"), result["sizes"], strict=True
    ):
        model, params, _ = read(sizes / "model.nam", size=share)
        y = jaxamp.process(model, params, heard)[passage.context.size :]
        error = np.float64(y) - passage.target
        esr = np.sum(error**2) / np.sum(np.float64(passage.target) ** 2)
        np.testing.assert_allclose(one["esr"], esr, rtol=1e-3)
        alone, its = jaxamp.load(sizes / name)
        np.testing.assert_allclose(
            jaxamp.process(alone, its, heard)[passage.context.size :], y, atol=1e-5
        )
    assert result["esr"] == result["sizes"][-1]["esr"]


def test_a_run_of_sizes_is_played_at_its_largest_and_exported_whole(
    sizes, tmp_path, capsys
):
    soundfile.write(tmp_path / "x.wav", noise(100), RATE, subtype="FLOAT")
    outs = [tmp_path / "run.wav", tmp_path / "nam.wav"]
    for model, out in zip((sizes, sizes / "model.nam"), outs, strict=True):
        assert run(capsys, "reamp", model, tmp_path / "x.wav", out).status == 0
    audio = [soundfile.read(out)[0] for out in outs]
    np.testing.assert_allclose(audio[0], audio[1], atol=1e-6)
    assert run(capsys, "export", sizes, tmp_path / "out.nam").status == 0
    exported, left = (
        json.loads(p.read_text()) for p in (tmp_path / "out.nam", sizes / "model.nam")
    )
    assert exported == left
    given = (sizes, tmp_path / "a.json", "--format", "rtneural")
    assert_refused(run(capsys, "export", *given), "several sizes")
    for format, name in {"onnx": "a.onnx", "onnx_stream": "a.nam"}.items():
        said = run(capsys, "export", sizes, tmp_path / name, "--format", format)
        assert_refused(said, "several sizes")
        assert not (tmp_path / name).exists()


def test_a_run_of_sizes_is_told_size_by_size(sizes, capsys):
    said = run(capsys, "train", *SIZES, f"hydra.run.dir={sizes}")
    assert said.status == 0, said
    assert "Going on from step 40 of 40." in said.out
    for name in ("lite", "full"):
        assert f"Size {name}: All steps are done." in said.out
        rows = read_lines(sizes / name / "metrics.jsonl")
        assert set(esrs(rows)) == {20, 40}


def test_each_size_of_a_run_has_its_own_report(sizes, capsys):
    for flags, place, name in (
        ([], sizes, "full"),
        (["--size", "0"], sizes / "lite", "lite"),
    ):
        said = run(capsys, "report", sizes, *flags, "--no-timing", "--seconds", "0.2")
        assert said.status == 0, said
        page = (place / "report.html").read_text()
        result = json.loads((sizes / name / "result.json").read_text())
        assert f"(ESR {result['esr']:.4g})" in page
        (place / "report.html").unlink()  # other tests compare whole folders
    assert_refused(run(capsys, "report", sizes / "lite"), "with --size")


def test_sizes_interrupted_in_their_first_call_are_playable_and_go_on(
    sizes, tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "run"
    asked = []

    @contextmanager
    def after_one_call(crew):
        del crew
        yield lambda: asked.append(1) or len(asked) > 1

    with monkeypatch.context() as patch:
        patch.setattr(job, "interruptible", after_one_call)
        said = run(capsys, "train", *SIZES, f"hydra.run.dir={folder}")
    assert said.status == 130, said
    for name in ("lite", "full"):
        assert f"Size {name}: Interrupted; start it again" in said.out
        result = json.loads((folder / name / "result.json").read_text())
        assert 0 < result["train"]["steps"] < 20
    read(folder / "model.nam", size=0.2)
    _, full = jaxamp.load(folder)
    assert parameter_count(full) == result["parameters"]
    said = run(capsys, "train", *SIZES, f"hydra.run.dir={folder}")
    assert said.status == 0, said
    for name in ("lite", "full"):
        assert_same_bits(folder / name, sizes / name)


def test_sizes_stopped_before_anything_is_kept_say_so(tmp_path, capsys, monkeypatch):
    def fit(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "fit", fit)
    folder = tmp_path / "run"
    assert run(capsys, "train", *SIZES, f"hydra.run.dir={folder}").status == 130
    with pytest.raises(jaxamp.core.RunError, match="holds no whole checkpoint yet"):
        jaxamp.load(folder)


def test_sizes_killed_at_any_moment_end_like_sizes_that_were_not(tmp_path, capsys):
    longer = (*SIZES, "train.steps=1000", "train.validate_every=200")
    for name in ("whole", "cut"):
        arguments = ["train", *longer, f"hydra.run.dir={tmp_path / name}"]
        if name == "cut":
            kill_soon([sys.executable, "-m", "jaxamp", *arguments], tmp_path / name)
        assert run(capsys, *arguments).status == 0
    for name in ("lite", "full"):
        assert_same_bits(tmp_path / "cut" / name, tmp_path / "whole" / name)


def kill_soon(command, folder, seconds=120):
    """Starts a run and kills it some time after its first lines."""
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    log, deadline = folder / "lite" / "metrics.jsonl", time.monotonic() + seconds
    while not (log.is_file() and log.stat().st_size):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(random.Random(3).uniform(0.0, 1.0))
    running.kill()
    running.communicate()


def test_a_size_that_fails_is_told_when_the_others_are_done(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(job, "fit", one_diverged(job.fit))
    folder = tmp_path / "run"
    said = run(capsys, "train", *SIZES, f"hydra.run.dir={folder}")
    assert said.status == 2
    assert "The loss of lite or its gradient stopped being finite" in said.err
    assert "Size full: All steps are done." in said.out
    assert (folder / "full" / "model.nam").is_file()
    assert not (folder / "model.nam").exists()


def one_diverged(fit):
    def failing(*arguments, **options):
        first, *others = fit(*arguments, **options)
        return (dataclasses.replace(first, reason="diverged"), *others)

    return failing


def test_a_level_that_could_not_be_undone_is_refused(tmp_path, capsys):
    said = run(
        capsys, "train", "data.normalize_dbfs=-18", "data.seconds=3",
        "data.validation_seconds=1", "model=lstm/stacked_64_64_1",
        f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert_refused(said, "normalize_dbfs cannot be used", "no linear head")
    assert not (tmp_path / "run").exists()
