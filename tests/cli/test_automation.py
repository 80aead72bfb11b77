"""--automation: knobs turned as a file says, heard in reamp, measured by evaluate."""

import json

import jax
import numpy as np
import pytest
import soundfile
from runs import assert_refused, run
from tiny import LSTM, noise

import jaxamp
from jaxamp import formats
from jaxamp.data.automation import read_automation
from jaxamp.models import recurrent

RATE = 44_100
MOVES = "seconds,knob,value\n0.02,gain,0\n0.1,gain,1\n0.1,gain,0.3\n"


@pytest.fixture(scope="module")
def amp(tmp_path_factory):
    """A file with two knobs, a dry sound, moves of a knob, and how the file sounds."""
    folder = tmp_path_factory.mktemp("amp")
    knobs = ["gain", "tone"]
    model = recurrent(hidden=[3], skip=True, controls=knobs, sample_rate=RATE)
    params = jax.tree.map(lambda leaf: 2 * leaf, model.init(jax.random.key(0)))
    path, dry, moves = folder / "amp.json", folder / "dry.wav", folder / "moves.csv"
    formats.write(path, model, params, format="coreaudioml")
    soundfile.write(dry, noise(RATE // 4), RATE, subtype="FLOAT")
    moves.write_text(MOVES)
    return path, dry, moves


def played(amp, settings, smoothing=0.02):
    path, dry, moves = amp
    model, params = jaxamp.load(path)
    moving = read_automation(moves, model, settings, smoothing_seconds=smoothing)
    x, _ = soundfile.read(dry, dtype="float32")
    return jaxamp.process(model, params, x, controls=moving)


def test_reamp_turns_knobs_as_the_file_says(amp, tmp_path, capsys):
    path, dry, moves = amp
    heard = []
    for options, smoothing in ((("--block", 100), 0.02), (("--smoothing", 0), 0.0)):
        knobs = ("--knob", "tone=0.9", "--automation", moves)
        said = run(capsys, "reamp", path, dry, tmp_path / "o.wav", *knobs, *options)
        assert said.status == 0, said
        assert f"with gain as {moves} says, tone 0.9." in said.out
        heard.append(soundfile.read(tmp_path / "o.wav", dtype="float32")[0])
        expected = played(amp, {"tone": 0.9}, smoothing)
        np.testing.assert_allclose(heard[-1], expected, rtol=0, atol=1e-6)
    assert np.abs(heard[0] - heard[1]).max() > 1e-3


def test_evaluate_measures_moves_apart_and_finds_the_delay(amp, tmp_path, capsys):
    path, dry, moves = amp
    wet, told = tmp_path / "wet.wav", tmp_path / "told.json"
    late = np.append(np.zeros(70, np.float32), played(amp, {"gain": 0.6}))
    late[70 + RATE // 5 :] *= 1.1  # nothing moves there
    soundfile.write(wet, late, RATE, subtype="FLOAT")
    asked = ("evaluate", path, "--input", dry, "--target", wet, "--json", told)
    said = run(capsys, *asked, "--automation", moves, "--knob", "gain=0.6")
    assert said.status == 0, said
    answer = json.loads(told.read_text())
    metrics = answer["metrics"]
    assert answer["delay"] == 70
    assert metrics["esr_moving"] < 1e-9
    assert metrics["esr_after_moves"] == pytest.approx(0.1**2 / 1.1**2, rel=0.6)
    assert "zipper" in metrics
    # The corner at 0 s is rounded too: 0.6 less 3/32 of what it loses in 20 ms.
    assert answer["controls"] == pytest.approx(
        {"gain": 0.6 - 0.6 * 3 / 32, "tone": 0.5}
    )
    # From 0 s, where it is set, to the jump at 0.1 s, and half the smoothing on.
    assert answer["automation"]["knobs"] == ["gain"]
    assert answer["automation"]["seconds"] == pytest.approx(0.11, abs=1e-4)


def test_a_teacher_is_moved_by_a_file_of_its_own(amp, tmp_path, capsys):
    path, dry, moves = amp
    told = tmp_path / "told.json"
    asked = ("evaluate", path, "--input", dry, "--teacher", path, "--json", told)
    both = ("--automation", moves, "--teacher-automation", moves)
    assert run(capsys, *asked, *both).status == 0
    assert json.loads(told.read_text())["metrics"]["esr_moving"] == 0
    assert_refused(
        run(capsys, "evaluate", path, "--input", dry, "--target", dry, *both[2:]),
        "said of no teacher",
    )


def test_what_cannot_move_is_refused_and_nothing_is_written(amp, tmp_path, capsys):
    path, dry, moves = amp
    out, bad, plain = tmp_path / "o.wav", tmp_path / "bad.csv", tmp_path / "plain.nam"
    bad.write_text("seconds,knob,value\n1,drive,0.5\n")
    for options, words in (
        (("--automation", bad), "bad.csv, line 2: the model has no knob 'drive'"),
        (("--automation", tmp_path / "none.csv"), "none.csv cannot be read"),
        (("--automation", moves, "--smoothing", "-1"), "0 (none) to 10 s"),
        (("--smoothing", "5"), "said of no automation"),
    ):
        assert_refused(run(capsys, "reamp", path, dry, out, *options), words)
    formats.write(plain, LSTM, LSTM.init(jax.random.key(0)), metadata={"loudness": 0.0})
    assert_refused(
        run(capsys, "reamp", plain, tmp_path / "dry48.wav", out, "--automation", moves),
        "does not exist",
    )
    soundfile.write(tmp_path / "dry48.wav", noise(100), 48_000, subtype="FLOAT")
    assert_refused(
        run(capsys, "reamp", plain, tmp_path / "dry48.wav", out, "--automation", moves),
        "the model has no knobs at all",
    )
    assert not out.exists()


def test_points_after_the_end_are_told(amp, tmp_path, capsys):
    path, dry, _ = amp
    late = tmp_path / "late.csv"
    late.write_text("seconds,knob,value\n100,gain,1\n")
    said = run(capsys, "reamp", path, dry, tmp_path / "o.wav", "--automation", late)
    assert said.status == 0
    assert "is at 100 s, and the audio ends at 0.25 s" in said.err
