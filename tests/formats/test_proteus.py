"""SimpleRNN files: read, played as their numbers say, written back, refused."""

import json

import numpy as np
import pytest
from by_hand import simple_rnn
from configs import GREY, SINGLE
from configs import model as configured
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import assert_same, draw_params, from_zero, held
from tiny import WAVENET, noise

from jaxamp import formats
from jaxamp.core import ConfigError, FormatError
from jaxamp.models import recurrent, scale_output

FILES = [
    *(f"proteus/{name}.json" for name in (
        "4000DB_parametric", "6505Plus_Red_DirectOut", "BlackstarHT40_AmpHighGain",
        "BluesJrAmp_VolKnob", "FriedmanSmallBox_GainKnob",
        "MesaMiniRec_HighGain_DirectOut", "PrincetonAmp_Clean", "SLO_Crunch_GainKnob",
        "TS9_DriveKnob", "XComp_Pedal", "coreaudioml_ht1-ht11", "coreaudioml_ht1-ht13",
        "coreaudioml_muff-muff1", "coreaudioml_muff-muff3",
    )),
    *(f"neuralpi/{name}.json" for name in (
        "FenderPrinceton_clean", "LittleBigMuff", "Soldano_highGain",
    )),
]  # fmt: skip

PROTEUS = {"hidden": [40], "skip": True, "sample_rate": 44_100}
NEURALPI = {**PROTEUS, "hidden": [20]}


@st.composite
def stacks(draw):
    """Whatever SimpleRNN can hold."""
    hidden = [draw(st.integers(1, 6))] * draw(st.integers(1, 3))
    names = st.sampled_from([[], ["knob1"], ["gain"], ["knob1", "knob2"], ["a", "b"]])
    return recurrent(
        cell=draw(st.sampled_from(["LSTM", "GRU"])),
        hidden=hidden,
        skip=draw(st.booleans()),
        controls=draw(names),
        sample_rate=draw(st.sampled_from([44_100, 48_000, 96_000])),
    )


@settings(max_examples=20, deadline=None)
@given(model=stacks(), seed=st.integers(0, 9))
def test_a_model_read_back_is_the_model_written(tmp_path_factory, model, seed):
    path = tmp_path_factory.mktemp("round") / "amp.json"
    params = draw_params(model, seed)
    formats.write(path, model, params, format="coreaudioml", metadata={"name": "Amp"})
    again, same, metadata = formats.read(path)
    assert held(again) == held(model)
    assert_same(params, same)
    assert metadata == {"name": "Amp"}
    written = path.read_bytes()
    formats.write(path, again, same, format="coreaudioml", metadata=metadata)
    assert path.read_bytes() == written


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("controls", [[], ["gain", "tone"]])
@pytest.mark.parametrize("hidden", [[5], [4, 4]])
def test_what_is_written_plays_by_hand_as_the_model_does(
    tmp_path, cell, controls, hidden
):
    model = recurrent(cell=cell, hidden=hidden, skip=True, controls=controls)
    params, path, x = draw_params(model), tmp_path / "amp.json", noise(300)
    formats.write(path, model, params, format="coreaudioml")
    knobs = [0.2, 0.9][: len(controls)]
    heard = np.column_stack([x, *(np.full(x.size, knob) for knob in knobs)])
    expected = simple_rnn(json.loads(path.read_text()), np.float64(heard))
    y = from_zero(model, params, x, knobs or None)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


def string(samples):
    """A low string, plucked; on noise some of these models are chaotic."""
    time = np.arange(samples) / 44_100
    return np.float32(0.3 * np.exp(-20 * time) * np.sin(2 * np.pi * 220 * time))


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_plays_as_its_numbers_say(recordings, name):
    path = recordings / "models" / name
    model, params, metadata = formats.read(path)
    document, x = json.loads(path.read_text()), string(400)
    shape = document["model_data"]
    assert (model.architecture, model.sample_rate) == (shape["unit_type"], 44_100)
    assert model.hyperparameters["hidden"] == [shape["hidden_size"]]
    assert metadata == {}
    knobs = [0.7] * (shape["input_size"] - 1)
    assert model.controls == ("knob1",)[: len(knobs)]
    heard = np.column_stack([x, *(np.full(x.size, knob) for knob in knobs)])
    expected = simple_rnn(document, np.float64(heard))
    y = from_zero(model, params, x, knobs or None)
    # Single against double precision, through recurrences of hundreds of samples.
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_written_back_as_it_was(recordings, tmp_path, name):
    model, params, _ = formats.read(recordings / "models" / name)
    formats.write(tmp_path / "amp.json", model, params, format="coreaudioml")
    again, same, _ = formats.read(tmp_path / "amp.json")
    assert again is model
    assert_same(params, same)


@pytest.mark.parametrize(
    ("name", "options"), [("proteus", PROTEUS), ("neuralpi", NEURALPI)]
)
@pytest.mark.parametrize("controls", [[], ["knob1"], ["gain", "tone"]])
def test_each_player_gets_what_it_plays(tmp_path, name, options, controls):
    model, path = recurrent(**options, controls=controls), tmp_path / "amp.json"
    params = draw_params(model)
    formats.write(path, model, params, format=name)
    again, same, _ = formats.read(path)
    assert held(again) == held(model)
    assert_same(params, same)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hidden": [16]}, "hidden size 16 is not 40"),
        ({"hidden": [40, 40]}, "one recurrent layer, and this model has 2"),
        ({"cell": "GRU"}, "it plays LSTM only"),
        ({"skip": False}, "adds the guitar to the output, and this model does not"),
        ({"skip": 0.5}, "it adds 0.5 times the guitar"),
        ({"hidden": [40, 1], "head": False}, "last layer is the output"),
        ({"controls": ["a", "b", "c"]}, "it has 3 knobs, at most 2 are heard"),
        ({"sample_rate": 48_000}, "learned at 48000 Hz and is played at 44100 Hz"),
    ],
)
def test_proteus_is_given_nothing_it_would_play_otherwise(tmp_path, change, reason):
    model = recurrent(**(PROTEUS | change))
    with pytest.raises(FormatError, match=reason) as refused:
        formats.write(tmp_path / "a.json", model, draw_params(model), format="proteus")
    assert "one LSTM layer of 40 at 44100 Hz (model=lstm/1x16" in str(refused.value)
    assert "model.hidden=[40] model.skip=true" in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_every_reason_is_named_at_once(tmp_path):
    model = recurrent(cell="GRU", hidden=[8, 8])
    with pytest.raises(FormatError) as refused:
        formats.write(tmp_path / "a.json", model, draw_params(model), format="neuralpi")
    for reason in ("LSTM only", "has 2", "does not", "48000 Hz", "layer of 20"):
        assert reason in str(refused.value)


@pytest.mark.parametrize("name", ["proteus", "neuralpi", "coreaudioml"])
def test_another_architecture_is_refused_with_what_would_do(tmp_path, name):
    params = draw_params(WAVENET)
    with pytest.raises(FormatError, match=r"WaveNet.*LSTM.*model=lstm/1x"):
        formats.write(tmp_path / "amp.json", WAVENET, params, format=name)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"hidden": [3, 4]}, "differ in width: 3, 4"),
        ({"hidden": [3, 1], "head": False}, "model.head=true"),
        ({"hidden": [3], "skip": -0.5}, "adds -0.5 times the guitar"),
        ({"hidden": [3], "controls": ["a\nb"]}, "must be printable"),
    ],
)
def test_what_simple_rnn_has_no_words_for_is_refused(tmp_path, options, reason):
    model = recurrent(**options)
    with pytest.raises(FormatError, match=reason):
        formats.write(
            tmp_path / "a.json", model, draw_params(model), format="coreaudioml"
        )


def test_a_skip_model_that_was_scaled_back_is_refused_by_its_reason(tmp_path):
    model = recurrent(**PROTEUS)
    louder, params = scale_output(model, draw_params(model), 2.0)
    with pytest.raises(FormatError, match=r"2 times.*without data.normalize_dbfs"):
        formats.write(tmp_path / "amp.json", louder, params, format="proteus")


def test_a_learned_beginning_is_left_out_and_told(tmp_path):
    model = recurrent(hidden=[3], learned_state=True)
    params = draw_params(model)
    with pytest.warns(UserWarning, match="start from zero"):
        formats.write(tmp_path / "a.json", model, params, format="coreaudioml")
    again, same, _ = formats.read(tmp_path / "a.json")
    assert held(again) == held(model)
    assert_same({name: params[name] for name in same}, same)


def test_parameters_of_another_model_or_not_finite_are_refused(tmp_path):
    model, path = recurrent(hidden=[3]), tmp_path / "amp.json"
    with pytest.raises(FormatError, match="this very model"):
        formats.write(
            path, model, draw_params(recurrent(hidden=[4])), format="coreaudioml"
        )
    params = draw_params(model)
    params["head"]["bias"] = np.asarray([np.nan])
    with pytest.raises(FormatError, match="not finite"):
        formats.write(path, model, params, format="coreaudioml")
    with pytest.raises(ConfigError, match="metadata cannot be written"):
        formats.write(
            path, model, draw_params(model), format="coreaudioml",
            metadata={"esr": float("nan")},
        )  # fmt: skip
    assert not path.exists()


@pytest.mark.parametrize("name", SINGLE)
def test_every_configuration_is_written_and_read_back_or_refused(tmp_path, name):
    model, path = configured(name), tmp_path / "amp.json"
    params = draw_params(model)
    if name in GREY:
        with pytest.raises(FormatError, match="teach"):
            formats.write(path, model, params, format="coreaudioml")
        return
    widths = model.hyperparameters.get("hidden", [1, 2])
    fits = len(set(widths)) == 1 and model.hyperparameters["head"]
    if not fits:
        with pytest.raises(FormatError, match="SimpleRNN file cannot hold"):
            formats.write(path, model, params, format="coreaudioml")
        return
    formats.write(path, model, params, format="coreaudioml")
    again, same, _ = formats.read(path)
    assert held(again) == held(model)
    assert_same(params, same)
