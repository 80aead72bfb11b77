"""`train.init`: a run that begins at another model's parameters, as far as they fit."""

import json
import shutil

import jax
import numpy as np
import pytest
import yaml
from runs import TINY, assert_refused, assert_same_bits, esrs, run, train, vectors
from tiny import noise

import jaxamp
from jaxamp.data import demo
from jaxamp.evaluate import evaluate
from jaxamp.formats import read
from jaxamp.formats.nam import write_container, write_nam
from jaxamp.models import recurrent, wavenet
from jaxamp.train import read_lines

STILL = ("optimizer.learning_rate=1e-30",)
"""Overrides of a run that stays where it begins."""

ARRAYS = (
    "[{channels:3,dilations:[1,2],head_size:2},"
    "{channels:2,dilations:[4],head_size:1,head_bias:true}]"
)
OTHER_MODELS = tuple(one for one in TINY if not one.startswith("model"))

WAVENET = (*OTHER_MODELS, "model=wavenet/nano", f"model.arrays={ARRAYS}")


def arrays(channels=3, dilations=(1, 2), activation="Tanh"):
    return [
        {
            "channels": channels,
            "dilations": list(dilations),
            "head_size": 2,
            "activation": activation,
        },
        {"channels": 2, "dilations": [4], "head_size": 1, "head_bias": True},
    ]


def written(path, model, seed=3):
    write_nam(path, model, model.init(jax.random.key(seed)))
    return path


@pytest.fixture(scope="module")
def amp(tmp_path_factory):
    """A WaveNet of the layout of `WAVENET`, louder in its head."""
    model = wavenet(arrays=arrays(), head_scale=0.5)
    return written(tmp_path_factory.mktemp("amp") / "amp.nam", model)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An LSTM of the layout of the tiny run."""
    return written(tmp_path_factory.mktemp("amp") / "lstm.nam", recurrent(hidden=[3]))


def esr_of(path):
    """On the validation passage of the tiny run."""
    model, params = jaxamp.load(path)
    recording = demo(seconds=3, validation_seconds=1)
    return evaluate(model, params, recording.validation)["esr"]


def learned(folder):
    """The parameters of a run's newest checkpoint."""
    return vectors(folder)["float32"]


# --- whole ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more", [(), ("data.normalize_dbfs=-18",), ("model.head_scale=0.9",)]
)
def test_a_wavenet_taken_whole_plays_as_it_did_whatever_its_level(
    amp, tmp_path, capsys, more
):
    said = run(
        capsys, "train", *WAVENET, *more, *STILL, "train.steps=5",
        f"train.init={amp}", f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert said.status == 0, said
    assert "Begins with 130 of 130 parameters from amp.nam." in said.out
    assert said.err == ""
    x = noise(5000)
    one, other = (
        jaxamp.process(*jaxamp.load(path), x) for path in (amp, tmp_path / "run")
    )
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-5 * np.max(np.abs(one)))
    found = esrs(read_lines(tmp_path / "run" / "metrics.jsonl"))[5]
    np.testing.assert_allclose(found, esr_of(amp), rtol=1e-5)


def test_an_lstm_taken_whole_plays_as_it_did(small, tmp_path, capsys):
    said = train(
        capsys, tmp_path / "run", *STILL, "train.steps=5", f"train.init={small}"
    )
    assert "Begins with 64 of 64 parameters from lstm.nam." in said.out, said
    assert "Not taken: initial_c_0, initial_h_0." in said.out
    found = esrs(read_lines(tmp_path / "run" / "metrics.jsonl"))[5]
    np.testing.assert_allclose(found, esr_of(small), rtol=1e-5)


def test_a_run_is_begun_with_like_the_file_it_exported(finished, tmp_path, capsys):
    for name, init in (("run", finished), ("file", finished / "model.nam")):
        said = train(
            capsys, tmp_path / name, "train.steps=5", f"train.init={init}",
            "data.normalize_dbfs=-18",
        )  # fmt: skip
        assert said.status == 0, said
    assert_same_bits(tmp_path / "run", tmp_path / "file")


def test_a_run_remembers_what_it_began_with(small, tmp_path, capsys):
    assert train(
        capsys, tmp_path / "run", "train.steps=5", f"train.init={small}"
    ).status == 0  # fmt: skip
    told = json.loads((tmp_path / "run" / "init.json").read_text())
    assert (told["file"], told["parameters_taken"]) == ("lstm.nam", 64)
    assert len(told["sha256"]) == 64
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["init"] == told
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["train"]["init"] == str(small)


# --- in part -------------------------------------------------------------------------


def test_what_does_not_fit_is_drawn_as_without_a_beginning(small, tmp_path, capsys):
    stack = ("model.hidden=[3,2]", *STILL, "train.steps=5", "seed=4")
    said = train(capsys, tmp_path / "warm", *stack, f"train.init={small}")
    assert said.status == 0, said
    assert train(capsys, tmp_path / "cold", *stack).status == 0
    warm, cold = (jaxamp.load(tmp_path / name)[1] for name in ("warm", "cold"))
    there = read(small)[1]
    for name in ("bias", "input_weight", "recurrent_weight"):
        np.testing.assert_array_equal(warm["layer_0"][name], there["layer_0"][name])
        np.testing.assert_array_equal(warm["layer_1"][name], cold["layer_1"][name])
    np.testing.assert_array_equal(warm["head"]["bias"], there["head"]["bias"])
    np.testing.assert_array_equal(warm["head"]["weight"], cold["head"]["weight"])
    assert "Begins with 61 of 111 parameters from lstm.nam. Drawn as ever: " in said.err
    assert "head.weight [1, 2, 1] (there [1, 3, 1])" in said.err
    assert "hidden is [3, 2] here, [3] there" in said.err


def test_parameters_that_fit_but_do_something_else_are_taken_with_a_warning(
    tmp_path, capsys
):
    other = wavenet(arrays=arrays(dilations=(1, 8), activation="ReLU"), head_scale=0.02)
    path = written(tmp_path / "other.nam", other)
    said = run(
        capsys, "train", *WAVENET, "train.steps=5", f"train.init={path}",
        f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert said.status == 0, said
    assert "jaxamp: warning: Begins with 130 of 130 parameters" in said.err
    assert "arrays[0].dilations is [1, 2] here, [1, 8] there" in said.err
    assert 'arrays[0].activation is ["Tanh", "Tanh"] here' in said.err


SIZES = (
    "+experiment=nam_a2",
    *(one for one in OTHER_MODELS if not one.startswith("schedule")),
    "model.sizes.lite.model.arrays=[{channels:1,dilations:[1],head_size:1}]",
    "model.sizes.full.model.arrays=[{channels:2,dilations:[1],head_size:1}]",
)


def test_each_size_begins_with_the_size_that_corresponds(tmp_path, capsys):
    models = [
        wavenet(arrays=[{"channels": n, "dilations": [1], "head_size": 1}])
        for n in (1, 2)
    ]
    params = [m.init(jax.random.key(i)) for i, m in enumerate(models)]
    sizes = zip((0.5, 1.0), models, params, strict=True)
    write_container(tmp_path / "two.nam", list(sizes))
    write_nam(tmp_path / "one.nam", models[1], params[1])
    said = {
        name: run(
            capsys, "train", *SIZES, *STILL, "train.steps=5",
            f"train.init={tmp_path / name}.nam", f"hydra.run.dir={tmp_path / name}",
        )
        for name in ("two", "one")
    }  # fmt: skip
    assert said["two"].status == said["one"].status == 0, said
    x = noise(3000)
    for name, size, index in (
        ("two", "lite", 0),
        ("two", "full", 1),
        ("one", "full", 1),
    ):
        y = jaxamp.process(*jaxamp.load(tmp_path / name / size), x)
        expected = jaxamp.process(models[index], params[index], x)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
    assert said["two"].err == ""
    assert "parameters of lite from two.nam." in said["two"].out
    assert "parameters of lite from one.nam. Drawn as ever" in said["one"].err


# --- taken up again, and beside others -----------------------------------------------


def test_a_run_cut_and_taken_up_ends_like_one_that_was_not(small, tmp_path, capsys):
    given = f"train.init={small}"
    for folder, steps in (("cut", 5), ("cut", 15), ("whole", 15)):
        said = train(capsys, tmp_path / folder, given, f"train.steps={steps}")
        assert said.status == 0, said
        assert ("Begins with" in said.out) == (steps == 5 or folder == "whole")
    assert_same_bits(tmp_path / "cut", tmp_path / "whole")


@pytest.mark.parametrize("now", ["gone", "another"])
def test_after_its_first_checkpoint_a_run_does_not_need_the_other(
    small, tmp_path, capsys, now
):
    mine, given = tmp_path / "mine.nam", f"train.init={tmp_path / 'mine.nam'}"
    shutil.copy(small, mine)
    for folder in ("cut", "whole"):
        steps = 5 if folder == "cut" else 15
        train(capsys, tmp_path / folder, given, f"train.steps={steps}")
    remembered = (tmp_path / "cut" / "init.json").read_text()
    mine.unlink()
    if now == "another":
        written(mine, recurrent(hidden=[3]), seed=9)
    said = train(capsys, tmp_path / "cut", given, "train.steps=15")
    assert said.status == 0, said
    assert "mine.nam is not there as it was when the run began" in said.err
    assert_same_bits(tmp_path / "cut", tmp_path / "whole")
    assert (tmp_path / "cut" / "init.json").read_text() == remembered
    for step in (tmp_path / "cut" / "checkpoints").glob("[0-9]*"):
        for file in (step / "state" / "d").iterdir():
            file.write_bytes(b"")
    said = train(capsys, tmp_path / "cut", given, "train.steps=20")
    assert said.status == 2
    assert "No checkpoint of the run is whole, and mine.nam" in said.err


def test_another_beginning_is_another_run(small, tmp_path, capsys):
    given = f"train.init={small}"
    assert train(capsys, tmp_path / "run", "train.steps=5", given).status == 0
    said = train(capsys, tmp_path / "run", "train.steps=10")
    assert_refused(said, "train.init was", "now None")


def test_members_of_a_population_begin_alike_and_end_as_alone(small, tmp_path, capsys):
    given = ("train.steps=10", f"train.init={small}")
    said = run(
        capsys, "train", "-m", "hydra/launcher=population", *TINY, *given, "seed=0,1",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )  # fmt: skip
    assert said.status == 0, said
    assert said.out.count("Begins with") == 1, "what all begin with is said once"
    for seed in (0, 1):
        alone = tmp_path / f"alone{seed}"
        assert train(capsys, alone, *given, f"seed={seed}").status == 0
        assert_same_bits(tmp_path / "sweep" / f"seed={seed}", alone)


def test_runs_from_before_there_was_a_beginning_stay_finished(
    finished, tmp_path, capsys
):
    folder = tmp_path / "sweep" / "0"
    shutil.copytree(finished, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config["train"]["init"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    before = (folder / "result.json").stat().st_mtime_ns
    said = run(
        capsys, "train", "-m", *TINY, "train.steps=20", "seed=0",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )  # fmt: skip
    assert said.status == 0, said
    assert "1 of them done before" in said.out
    assert (folder / "result.json").stat().st_mtime_ns == before


def test_a_table_keeps_begun_and_drawn_apart(small, finished, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "runs" / "old")
    config = yaml.safe_load((tmp_path / "runs" / "old" / "config.yaml").read_text())
    del config["train"]["init"]
    (tmp_path / "runs" / "old" / "config.yaml").write_text(yaml.safe_dump(config))
    train(capsys, tmp_path / "runs" / "new", "train.steps=20", f"train.init={small}")
    assert run(capsys, "compare", tmp_path / "runs", "--output", tmp_path).status == 0
    rows = (tmp_path / "comparison.csv").read_text().splitlines()
    assert len(rows) == 3
    assert any(f"train.init={small}" in row for row in rows)


# --- mistakes ------------------------------------------------------------------------


def test_a_beginning_that_cannot_be_is_refused_before_anything(
    amp, small, tmp_path, capsys
):
    slow = recurrent(hidden=[3], sample_rate=44_100)
    wide = wavenet(arrays=[{"channels": 5, "dilations": [1], "head_size": 1}])
    cases = {
        tmp_path / "none.nam": ["There is no model at"],
        tmp_path: ["is no run directory"],
        amp: ["amp.nam is a WaveNet", "a LSTM", "data=teacher"],
        written(tmp_path / "slow.nam", slow): ["44100 Hz", "48000 Hz"],
    }
    for path, words in cases.items():
        said = train(capsys, tmp_path / "run", f"train.init={path}")
        assert_refused(said, *words)
    said = run(
        capsys, "train", *WAVENET, f"hydra.run.dir={tmp_path / 'run'}",
        f"train.init={written(tmp_path / 'wide.nam', wide)}",
    )  # fmt: skip
    assert_refused(
        said, "Nothing of train.init=wide.nam fits",
        "array_0.conv_0.bias [3] (there [5])",
    )  # fmt: skip
    said = train(capsys, tmp_path / "run", "train.init=3")
    assert_refused(said, "train.init=3 must be a run directory or a model file")
    assert not (tmp_path / "run").exists()
