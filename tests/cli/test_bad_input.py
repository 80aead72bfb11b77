"""Every mistake in what is given ends in one sentence or two, and leaves nothing."""

import errno
import shutil
from collections import namedtuple

import numpy as np
import pytest
import soundfile
from runs import TINY, assert_refused, run, train
from tiny import RATE, amp, noise

SAMPLES = RATE
"""One second; the delay is given where it is not the point, to be quick."""

CAPTURE = (
    "data=capture",
    "data.delay=0",
    "model=lstm/1x8",
    "model.hidden=[3]",
    "loss=mse",
    "train.outputs=512",
    "train.batch=4",
    "train.burn_in=256",
    "train.steps=2",
)


def clipped(y):
    return np.clip(20 * y, -1, 1)


def with_nan(y):
    return np.concatenate([y[:-10], np.full(10, np.nan, np.float32)])


def with_infinity(y):
    return np.concatenate([y[:-1], np.full(1, -np.inf, np.float32)])


X = noise(SAMPLES)
Y = amp(X)

PAIRS = {
    "empty": (X, Y[:0], [], ["y.wav", "empty"]),
    "one sample": (X, Y[:1], [], ["lengths differ"]),
    "longer": (
        X,
        np.append(Y, np.zeros(RATE + 700, np.float32)),
        [],
        ["48700 samples", "longer", "trim=true"],
    ),
    "shorter": (X, Y[:-700], [], ["700 samples", "shorter", "trim=true"]),
    "stereo": (X, np.stack([Y, Y], 1), [], ["2 channels", "channel"]),
    "no such channel": (X, np.stack([Y, Y], 1), ["data.channel=2"], ["channel=2"]),
    "NaN": (X, with_nan(Y), [], ["NaN", "10 samples, first at 1.000 s (sample 47990)"]),
    "infinity": (X, with_infinity(Y), [], ["infinity", "1 samples"]),
    "silent target": (X, 0 * Y, [], ["y.wav is silent"]),
    "silent input": (0 * X, Y, [], ["x.wav is silent"]),
    "clipped": (X, clipped(Y), [], ["y.wav clips", "samples reach full scale, first"]),
    "too short": (X[:3000], Y[:3000], ["train.outputs=8192"], ["too short for one"]),
    "no delay": (X, noise(SAMPLES, 7), ["data.delay=auto"], ["x.wav and y.wav"]),
    "delay at the edge": (
        X,
        np.append(np.zeros(9_999, np.float32), Y)[:SAMPLES],
        ["data.delay=auto"],
        ["edge"],
    ),
    "runs ahead": (
        X,
        np.append(Y[500:], np.zeros(500, np.float32)),
        ["data.delay=auto"],
        ["500 samples", "ahead"],
    ),
    "delay beyond the end": (X, Y, ["data.delay=48000"], ["Nothing is left"]),
    "grid too small": (
        X,
        Y,
        ["train.sampling=grid", "train.outputs=16384"],
        ["one batch takes 4"],
    ),
    "unknown check": (X, Y, ["data.ignore_checks=[cliping]"], ["Did you mean clip"]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_recordings_that_cannot_be_learned_from(name, tmp_path, capsys):
    x, y, overrides, words = PAIRS[name]
    soundfile.write(tmp_path / "x.wav", x, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "y.wav", y, RATE, subtype="FLOAT")
    assert_refused(trained(capsys, tmp_path, *overrides), *words)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.wav", "y.wav"]


def trained(capsys, folder, *overrides):
    return run(
        capsys,
        "train",
        *CAPTURE,
        f"data.input={folder / 'x.wav'}",
        f"data.target={folder / 'y.wav'}",
        *overrides,
        f"hydra.run.dir={folder / 'run'}",
    )


def test_files_that_are_no_recordings(tmp_path, capsys):
    soundfile.write(tmp_path / "x.wav", X, RATE)
    cases = {
        "missing": (None, ["y.wav does not exist"]),
        "text": (b"this is no sound", ["not audio"]),
        "cut header": (b"RIFF\x00\x00", ["not audio"]),
    }
    for content, words in cases.values():
        if content is not None:
            (tmp_path / "y.wav").write_bytes(content)
        assert_refused(trained(capsys, tmp_path), "y.wav", *words)
        assert not (tmp_path / "run").exists()
    soundfile.write(tmp_path / "y.wav", Y, 44_100)
    assert_refused(trained(capsys, tmp_path), "48000 Hz", "44100 Hz")
    assert not (tmp_path / "run").exists()


WRONG = {
    "train.stepz=5": ["no key 'train.stepz'", "Did you mean train.steps?"],
    "trian.steps=5": ["no key 'trian.steps'", "Did you mean train.steps?"],
    "model.hiden=[4]": ["Did you mean model.hidden?"],
    "data.gian=0.5": ["Did you mean data.gain?"],
    "model=wavenet/nanoo": ["model=wavenet/nanoo", "Did you mean wavenet/nano?"],
    "loss=msee": ["Did you mean mse?", "wright_2020"],
    "+experiment=nam_a3": ["Did you mean nam_a", "lstm_2018"],
    "+train.extra=5": ["train.extra is not a key of train"],
    "+model.extra=5": ["model.extra is not a key of model"],
    "+extra=5": ["extra is not a key"],
    "train.steps": ["key=value"],
    "train.steps=0": ["train.steps=0", "1 or more"],
    "train.steps=many": ["'many'", "1 or more"],
    "train.batch=2.5": ["train.batch=2.5"],
    "train.validate_every=null": ["train.validate_every=None", "epoch"],
    "train.microbatch=null": ["train.microbatch=None", "auto"],
    "train.microbatch=3": ["no multiple of train.microbatch=3"],
    "train.chunk=epoch": ["train.chunk='epoch'", "auto or null"],
    "train.chunk=100": ["no multiple of train.chunk=100"],
    "train.burn_in=-1": ["train.burn_in=-1"],
    "train.burn_in=0.5": ["train.burn_in=0.5"],
    "train.update_every_chunk=perhaps": ["true or false"],
    "train.update_every_chunk=true": ["train.update_every_chunk needs train.chunk"],
    "train.minutes=0": ["train.minutes=0"],
    "train.patience=-1": ["train.patience=-1"],
    "train.clip_norm=-1": ["train.clip_norm=-1"],
    "train.level_db=-1": ["train.level_db=-1", "from 0 to 40"],
    "train.level_db=true": ["train.level_db=True"],
    "train.average_decay=1": ["train.average_decay=1", "below 1"],
    "train.precision=float8": ["float32, bfloat16"],
    "train.sampling=shuffled": ["random, grid"],
    "train.precision=[]": ["train.precision=[]"],
    "~train": ["has no train"],
    "export=3": ["export is 3", "group of keys"],
    "model=null": ["cannot be composed"],
    "~model._target_": ["model makes no model", "Keep its _target_"],
    "~data._target_": ["data makes no recording"],
    "optimizer._target_=optax.cosine_distance": ["optimizer"],
    "optimizer._target_=optax.chain": ["optimizer"],
    "optimizer.b1=[x]": ["optimizer has a value that cannot be used"],
    "export.loudness_input=[]": ["must be a file"],
    "train.steps=" + 500 * "[" + 500 * "]": ["jaxamp: "],
    "seed=-1": ["seed=-1"],
    "seed=true": ["seed=True"],
    "optimizer.learning_rate=fast": ["optimizer.learning_rate", "'fast'"],
    "model.hidden=[a]": ["model has a value that cannot be used"],
    "model.hidden=[]": ["at least one size"],
    "model.cell=RNN": ["LSTM, GRU"],
    "data.gain=3": ["0 to 1"],
    "data.seconds=0.5": ["cannot be split"],
    "loss.terms.mse.weight=abc": ["'abc'"],
    "++loss.terms.mze.weight=1": ["Did you mean 'mse'?"],
    "loss._target_=os.system": ["may not be called", "jaxamp.losses"],
    "model._target_=jaxamp.models.recurent": ["Did you mean recurrent?"],
    "optimizer._target_=optax._src.alias.adam": ["may not be called"],
    "data._target_=builtins.print": ["may not be called"],
    "export.gear_type=guitar": ["amp, pedal"],
    "export.input_level_dbu=loud": ["input_level_dbu"],
    "export.loudness_input=/none.wav": ["/none.wav does not exist"],
    "model=wavenet/nano model.head_scale=big": ["model has a value", "'big'"],
    "model=wavenet/nano train.burn_in=10": ["train.burn_in=10", "4092"],
    "model=linear/256 train.chunk=256 train.update_every_chunk=true": ["a Linear has"],
    "model.head=false": ["other choices of model", "+model.head=VALUE"],
    "+model.head=false": ["must have one cell, not 3"],
}
"""override -> what is said"""


@pytest.mark.parametrize("override", WRONG)
def test_overrides_that_mean_nothing(override, tmp_path, capsys):
    overrides = override.split(" ")
    other = [o for o in TINY if not o.startswith("model") or "model=" not in override]
    said = run(capsys, "train", *other, *overrides, f"hydra.run.dir={tmp_path}/run")
    assert_refused(said, *WRONG[override])
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    for place in ("file", "file/run"):
        said = train(capsys, tmp_path / place, "train.steps=2")
        assert_refused(said, "file")
    assert (tmp_path / "file").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_disk_without_room(tmp_path, capsys, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 9 << 20)
    )
    said = train(capsys, tmp_path / "run", "train.steps=2")
    assert_refused(said, "9 MiB left", "hydra.run.dir=")
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_leaves_no_half_file(
    finished, tmp_path, capsys, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    out = tmp_path / "out.nam"
    assert_refused(run(capsys, "export", finished, out), "No space left")
    soundfile.write(tmp_path / "x.wav", X[:100], RATE)
    said = run(capsys, "reamp", finished, tmp_path / "x.wav", tmp_path / "out.wav")
    assert_refused(said, "the disk is full")
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]


def test_a_folder_of_checkpoints_without_a_configuration(tmp_path, capsys):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    said = train(capsys, tmp_path / "run", "train.steps=2")
    assert_refused(said, "no config.yaml")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["checkpoints"]
