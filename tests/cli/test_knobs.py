"""--knob: set by name, in the middle otherwise, refused in words."""

import json

import jax
import numpy as np
import pytest
import soundfile
from runs import assert_refused, run, train
from tiny import noise

import jaxamp
from jaxamp import formats
from jaxamp.models import recurrent

RATE = 44_100


@pytest.fixture(scope="module")
def amp(tmp_path_factory):
    """A file with two knobs, and a dry sound."""
    folder = tmp_path_factory.mktemp("amp")
    model = recurrent(
        hidden=[3], skip=True, controls=["gain", "tone"], sample_rate=RATE
    )
    path, dry = folder / "amp.json", folder / "dry.wav"
    formats.write(path, model, model.init(jax.random.key(0)), format="coreaudioml")
    soundfile.write(dry, noise(4000), RATE, subtype="FLOAT")
    return path, dry


def test_reamp_turns_the_knobs_and_says_where_they_stand(amp, tmp_path, capsys):
    path, dry = amp
    model, params = jaxamp.load(path)
    x, _ = soundfile.read(dry, dtype="float32")
    for options, knobs in (((), (0.5, 0.5)), (("--knob", "tone=0.9"), (0.5, 0.9))):
        said = run(capsys, "reamp", path, dry, tmp_path / "out.wav", *options)
        assert said.status == 0, said
        assert f"with gain {knobs[0]:g}, tone {knobs[1]:g}." in said.out
        y, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
        expected = jaxamp.process(model, params, x, controls=knobs)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_evaluate_measures_with_the_knobs_as_set(amp, tmp_path, capsys):
    path, dry = amp
    model, params = jaxamp.load(path)
    x, _ = soundfile.read(dry, dtype="float32")
    wet = jaxamp.process(model, params, x, controls=(0.1, 0.9))
    soundfile.write(tmp_path / "wet.wav", wet, RATE, subtype="FLOAT")
    arguments = ("evaluate", path, "--input", dry, "--target", tmp_path / "wet.wav")
    told = tmp_path / "told.json"
    set_so = run(
        capsys, *arguments, "--json", told, "--knob", "gain=0.1", "--knob", "tone=0.9"
    )
    assert set_so.status == 0, set_so
    answer = json.loads(told.read_text())
    assert answer["esr"] < 1e-9
    np.testing.assert_allclose(list(answer["controls"].values()), [0.1, 0.9])
    assert run(capsys, *arguments, "--json", told).status == 0
    in_the_middle = json.loads(told.read_text())["esr"]
    assert in_the_middle > 1000 * answer["esr"]


def test_a_knob_that_is_not_there_or_goes_too_far_is_refused(amp, tmp_path, capsys):
    path, dry = amp
    for knob, words in (
        ("drive=0.5", "gain, tone"),
        ("gain=1.5", "0 to 1"),
        ("gain=nan", "0 to 1"),
        ("gain=loud", "--knob gain=0.7"),
        ("gain", "--knob gain=0.7"),
    ):
        said = run(capsys, "reamp", path, dry, tmp_path / "o.wav", "--knob", knob)
        assert_refused(said, words)
    assert not list(tmp_path.iterdir())


def test_info_names_the_knobs(amp, capsys):
    path, _ = amp
    assert "gain, tone" in run(capsys, "info", path).out
    assert json.loads(run(capsys, "info", path, "--json").out)["controls"] == [
        "gain",
        "tone",
    ]


def test_knobs_that_no_recording_tells_of_are_not_trained(tmp_path, capsys):
    said = train(capsys, tmp_path / "run", "+model.controls=[gain]")
    assert_refused(said, "knobs, gain", "without model.controls")
    assert not (tmp_path / "run").exists()
