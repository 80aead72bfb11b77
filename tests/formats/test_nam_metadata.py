"""What files say about the amp, and whether their loudness is what is heard."""

import datetime
import json

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from jaxamp.core import ConfigError
from jaxamp.dsp.signals import loudness_signal
from jaxamp.formats.nam import (
    read_nam,
    training_record,
    write_nam,
)
from jaxamp.formats.nam.loudness import loudness_and_gain
from jaxamp.models import build

THROUGH = build("Linear", {"receptive_field": 1})
"""With one tap: a piece of wire."""


def wire(level=1.0):
    return {"fir": {"weight": jnp.full((1, 1, 1), level)}}


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("wavenet.nam", None),
        ("A2.nam", 0.3),
        ("A2.nam", None),
        ("slimmable_container.nam", 0.5),
        ("slimmable_container.nam", None),
    ],
)
def test_the_loudness_a_file_states_is_heard(recordings, name, size):
    folder = recordings / "models" / "nam"
    signal, _ = soundfile.read(folder / "loudness_input.wav", dtype="float32")
    model, params, metadata = read_nam(folder / name, size=size)
    heard = loudness_and_gain(model, params, signal)
    assert heard.loudness == pytest.approx(metadata["loudness"], abs=1e-4)
    assert heard.gain == pytest.approx(metadata["gain"], abs=1e-4)


def test_a_wire_is_as_loud_as_the_signal_and_has_no_gain():
    signal = loudness_signal()
    heard = loudness_and_gain(THROUGH, wire(), signal)
    level = 20 * np.log10(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
    assert heard.loudness == pytest.approx(level, abs=1e-4)
    assert heard.gain == pytest.approx(0, abs=1e-5)


def test_an_amp_that_always_clips_has_all_the_gain():
    # sign(x), nearly: of eleven levels, ten are as loud as the last.
    options = {"channels": 1, "dilations": [1], "activation": "Tanh"}
    model = build("ConvNet", options)
    params = {
        "conv_0": {"weight": jnp.array([[[0.0, 1e9]]]), "bias": jnp.zeros(1)},
        "head": {"weight": jnp.ones((1, 1, 1)), "bias": jnp.zeros(1)},
    }
    square = np.sign(np.sin(np.arange(4_800))).astype(np.float32)
    square[square == 0] = 1.0
    heard = loudness_and_gain(model, params, square)
    assert heard.loudness == pytest.approx(0, abs=1e-5)
    assert heard.gain == pytest.approx((10 - 5.5) / 5.5, abs=1e-5)


def test_metadata_is_measured_and_written_in_the_order_of_the_trainer(tmp_path):
    path = tmp_path / "amp.nam"
    date = datetime.datetime(2026, 1, 2, 3, 4, 5)
    training = training_record(validation_esr=0.01, delays=[46], recommended_delay=45)
    given = {
        "training": training,
        "input_level_dbu": np.float32(12.5),
        "gear_type": "amp",
        "name": "Loud",
        "date": date,
        "tone_type": None,
    }
    write_nam(path, THROUGH, wire(), given)
    metadata = json.loads(path.read_text())["metadata"]
    assert list(metadata) == [
        "date",
        "loudness",
        "gain",
        "name",
        "gear_type",
        "input_level_dbu",
        "training",
    ]
    assert metadata["date"]["second"] == 5
    assert metadata["input_level_dbu"] == 12.5
    latency = metadata["training"]["data"]["latency"]
    assert latency["manual"] is None
    assert latency["calibration"]["recommended"] == 45
    assert metadata["training"]["validation_esr"] == 0.01
    assert read_nam(path)[2] == metadata


def test_a_silent_amp_has_no_loudness_to_state(tmp_path):
    write_nam(tmp_path / "amp.nam", THROUGH, wire(0.0))
    assert read_nam(tmp_path / "amp.nam")[2] == {}


def test_the_same_model_makes_the_same_file(tmp_path):
    paths = [tmp_path / "first.nam", tmp_path / "second.nam"]
    for path in paths:
        write_nam(path, THROUGH, wire())
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gear_typ": "amp"}, "gear_typ.*Did you mean gear_type"),
        ({"gear_type": "amp_cap"}, "players know: amp, .*Did you mean amp_cab"),
        ({"tone_type": "distortion"}, "players know: clean, "),
        ({"input_level_dbu": "12"}, "input_level_dbu is '12'. Give a number"),
        ({"output_level_dbu": float("nan")}, "Give a finite number"),
        ({"name": 7}, "name is 7. Give a text"),
        ({"date": "today"}, "Give a datetime"),
        ({"training": {"when": complex(1)}}, "cannot be written as JSON"),
    ],
    ids=str,
)
def test_metadata_that_players_do_not_know_is_refused(tmp_path, given, message):
    with pytest.raises(ConfigError, match=message):
        write_nam(tmp_path / "amp.nam", THROUGH, wire(), given)
    assert not list(tmp_path.iterdir())
