"""Commands import what they need and no more, and compile once."""

import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
import soundfile
from runs import run, train
from tiny import RATE, noise

from jaxamp import formats
from jaxamp.core.compile_cache import Programs
from jaxamp.models import recurrent

LARGE = {"jax", "flax", "onnx", "optax", "orbax", "scipy.signal", "hydra", "matplotlib"}
"""What takes long to import."""


def imported(*arguments):
    """The large packages that a command has imported when it ends."""
    code = (
        "import sys; from jaxamp.cli.main import main\n"
        "try: status = main(sys.argv[1:])\n"
        "except SystemExit as end: status = end.code\n"
        f"print('imported', *(set({sorted(LARGE)}) & set(sys.modules)))\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1].split()
    assert last[0] == "imported"
    return set(last[1:])


@pytest.mark.parametrize(
    "command",
    [
        "",
        "reamp",
        "live",
        "evaluate",
        "export",
        "info",
        "signal",
        "check",
        "report",
        "completion",
    ],
)
def test_help_needs_nothing_large(command):
    assert imported(*command.split(), "--help") == set()


def test_the_help_of_train_needs_hydra_alone():
    assert imported("train", "--help") == {"hydra"}


@pytest.mark.parametrize("name", ["a1_nano", "a2_container", "lstm_2x16", "convnet"])
def test_a_file_is_described_without_its_network(name):
    oracle = os.path.join(os.path.dirname(__file__), f"../oracles/nam/{name}.nam")
    assert imported("info", oracle) == set()


@pytest.mark.parametrize("format", ["coreaudioml", "rtneural", "aidax"])
def test_a_json_file_is_described_without_its_network(tmp_path, format):
    model = recurrent(hidden=[8])
    params, path = model.init(jax.random.key(0)), tmp_path / "amp.json"
    formats.write(path, model, params, format=format)
    assert imported("info", path) == set()


def test_a_recording_is_checked_without_jax(tmp_path):
    files = [tmp_path / "in.wav", tmp_path / "out.wav"]
    for file in files:
        soundfile.write(file, noise(RATE), RATE, subtype="FLOAT")
    assert imported("check", *files) <= {"scipy.signal"}


def test_a_finished_run_is_described_without_its_checkpoints(
    finished, tmp_path, capsys
):
    loaded = json.loads(run(capsys, "info", finished, "--json").out)
    result = json.loads((finished / "result.json").read_text())
    result["hyperparameters"] = loaded["hyperparameters"]
    (tmp_path / "result.json").write_text(json.dumps(result))
    shutil.copy(finished / "metadata.json", tmp_path)
    assert json.loads(run(capsys, "info", tmp_path, "--json").out) == loaded
    assert imported("info", tmp_path) == set()


def test_nothing_compiles_twice_in_a_sweep(tmp_path, capsys, monkeypatch):
    """Both runs here: what is traced anew after `forget_old_programs` is named anew."""
    if os.environ["JAXAMP_CACHE"] == "off":
        pytest.skip("JAXAMP_CACHE=off: nothing is kept")
    assert train(capsys, tmp_path / "first", "train.steps=10").status == 0
    made = []
    monkeypatch.setattr(Programs, "put", lambda self, key, value: made.append(key))
    overrides = ["seed=7", "optimizer.learning_rate=0.003", "train.steps=15"]
    assert train(capsys, tmp_path / "run", *overrides).status == 0
    assert not made, "each is a program that the first run did not have"


def ran(folder, *arguments, **variables):
    """A command in a process of its own, at home in `folder`."""
    ours = {k: v for k, v in os.environ.items() if k != "JAXAMP_CACHE"}
    home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "caches")}
    return subprocess.run(
        [sys.executable, "-m", "jaxamp", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=ours | home | variables,
    )


def programs(folder):
    """name -> when written, of every compiled program kept in the folder."""
    return {f.name: f.stat().st_ctime_ns for f in folder.glob("**/*.program")}


@pytest.mark.skipif(sys.platform != "linux", reason="the folders are Linux's")
def test_a_command_keeps_its_programs_and_sounds_the_same_with_them(finished, tmp_path):
    dry = tmp_path / "dry.wav"
    soundfile.write(dry, noise(5000), RATE, subtype="FLOAT")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    cases = {
        "off": {"JAXAMP_CACHE": "off"},
        "open": {"JAXAMP_CACHE": str(tmp_path / "open")},
        "cold": {},
        "warm": {},
    }
    files, kept = {}, []
    for name, variables in cases.items():
        files[name] = tmp_path / f"{name}.wav"
        said = ran(
            tmp_path, "reamp", finished / "model.nam", dry, files[name], **variables
        )
        assert said.returncode == 0, said.stderr
        lines = said.stderr.splitlines()
        assert len(lines) == (name == "open"), said.stderr
        assert all(
            line.startswith("jaxamp: warning: ") and "open to other" in line
            for line in lines
        )
        kept.append(programs(tmp_path))
    off, shared, cold, warm = kept
    assert off == shared == {}
    assert cold
    assert warm.keys() == cold.keys(), "nothing was compiled again"
    for file in files.values():
        np.testing.assert_array_equal(
            soundfile.read(file)[0], soundfile.read(files["off"])[0]
        )
