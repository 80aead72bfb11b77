"""A run of several sizes leaves one file, as loud as the amp was recorded."""

import json

import jax
import numpy as np
import pytest
import soundfile
from runs import assert_refused, run
from tiny import RATE, noise

import jaxamp
from jaxamp.data import demo
from jaxamp.formats import read

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
    assert_refused(run(capsys, "export", sizes, tmp_path / "a.json"), "several sizes")


def test_a_level_that_could_not_be_undone_is_refused(tmp_path, capsys):
    said = run(
        capsys, "train", "data.normalize_dbfs=-18", "data.seconds=3",
        "data.validation_seconds=1", "model=lstm/1x8", "model.skip=true",
        f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert_refused(said, "normalize_dbfs cannot be used", "input skip")
    assert not (tmp_path / "run").exists()
