"""RTNeural files: goldens, every layer by hand, written back, refused."""

import json

import numpy as np
import pytest
from by_hand import keras_stack
from configs import GREY, SINGLE
from configs import model as configured
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import assert_same, draw_params, from_zero, held
from tiny import WAVENET, noise

from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.formats.rtneural import encode
from jaxamp.models import build, convnet, linear, recurrent, sequential

ACTIVATIONS = st.sampled_from(["", "tanh", "relu", "sigmoid", "softmax", "elu"])
RATES = st.sampled_from([44_100, 48_000, 96_000])
NAMES = st.sampled_from([[], ["knob1"], ["gain"], ["gain", "tone"]])


@pytest.mark.parametrize("name", ["lstm", "lstm_1d", "gru", "gru_1d"])
def test_the_stored_outputs_of_keras_are_met(recordings, name):
    folder = recordings / "models" / "rtneural"
    x, y = (np.loadtxt(folder / f"{name}_{end}_python.csv") for end in "xy")
    model, params, _ = formats.read(folder / f"{name}.json")
    # Both sides compute in single precision; 2.1e-7 was measured.
    np.testing.assert_allclose(from_zero(model, params, x), y, rtol=0, atol=3e-7)


@st.composite
def layers(draw):
    """Any layers, the last with one output."""
    made = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["dense", "conv1d", "lstm", "gru", "activation"]))
        layer = {"type": kind}
        if kind != "activation":
            layer["size"] = draw(st.integers(1, 4))
        if kind == "conv1d":
            layer["kernel_size"] = draw(st.integers(1, 4))
            layer["dilation"] = draw(st.integers(1, 9))
            if made and "size" in made[-1]:  # channels that groups may divide
                layer["groups"] = draw(st.sampled_from([1, made[-1]["size"]]))
                layer["size"] *= layer["groups"]
        if kind not in ("lstm", "gru"):
            layer["activation"] = draw(ACTIVATIONS)
        made.append(layer)
    return [*made, {"type": "dense", "size": 1, "activation": draw(ACTIVATIONS)}]


@st.composite
def models(draw):
    """Every architecture that RTNeural has layers for."""
    rate, names = draw(RATES), draw(NAMES)
    kind = draw(st.sampled_from(["Sequential", "LSTM", "GRU", "ConvNet", "Linear"]))
    if kind == "Sequential":
        return sequential(layers=draw(layers()), controls=names, sample_rate=rate)
    if kind == "ConvNet":
        return convnet(
            channels=draw(st.integers(1, 4)),
            dilations=draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)),
            activation=draw(st.sampled_from(["Tanh", "ReLU", "Sigmoid"])),
            sample_rate=rate,
        )
    if kind == "Linear":
        taps, bias = draw(st.integers(1, 99)), draw(st.booleans())
        return linear(receptive_field=taps, bias=bias, sample_rate=rate)
    hidden, head = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)), True
    if draw(st.booleans()):
        hidden, head = [*hidden, 1], False
    return recurrent(
        cell=kind, hidden=hidden, head=head, controls=names, sample_rate=rate
    )


@settings(max_examples=40, deadline=None)
@given(model=models(), seed=st.integers(0, 9))
def test_a_model_read_back_is_the_model_written(tmp_path_factory, model, seed):
    path = tmp_path_factory.mktemp("round") / "amp.json"
    params = draw_params(model, seed)
    formats.write(path, model, params, format="rtneural", metadata={"name": "Amp"})
    again, same, metadata = formats.read(path)
    assert metadata == {"name": "Amp"}
    if again.architecture == model.architecture:
        assert held(again) == held(model)
        assert_same(params, same)
    else:  # the same layers under a more particular name
        assert model.architecture == "Sequential"
        assert (again.controls, again.sample_rate) == (
            model.controls,
            model.sample_rate,
        )
    written = path.read_bytes()
    formats.write(path, again, same, format="rtneural", metadata=metadata)
    assert path.read_bytes() == written


BY_HAND = {
    "lstm": recurrent(hidden=[4, 3]),
    "gru with knobs": recurrent(cell="GRU", hidden=[4], controls=["gain", "tone"]),
    "last cell is the output": recurrent(hidden=[4, 1], head=False),
    "convnet": convnet(channels=3, dilations=[1, 3, 5], activation="Sigmoid"),
    "filter": linear(receptive_field=20, bias=True),
    "everything": sequential(
        layers=[
            {"type": "conv1d", "size": 4, "kernel_size": 3, "dilation": 7},
            {"type": "activation", "activation": "elu"},
            {"type": "dense", "size": 3, "activation": "softmax"},
            {"type": "lstm", "size": 3},
            {"type": "conv1d", "size": 4, "kernel_size": 2, "activation": "relu"},
            {"type": "conv1d", "size": 6, "kernel_size": 3, "groups": 2},
            {"type": "gru", "size": 2},
            {"type": "dense", "size": 1, "activation": "sigmoid"},
        ],
        controls=["gain"],
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_is_written_plays_by_hand_as_the_model_does(tmp_path, name):
    model, path, x = BY_HAND[name], tmp_path / "amp.json", noise(200)
    params = draw_params(model)
    formats.write(path, model, params, format="rtneural")
    knobs = [0.2, 0.9][: len(model.controls)]
    heard = np.column_stack([x, *(np.full(x.size, knob) for knob in knobs)])
    expected = keras_stack(json.loads(path.read_text()), np.float64(heard))
    y = from_zero(model, params, x, knobs or None)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    assert np.std(y) > 1e-3


@pytest.mark.parametrize("name", SINGLE)
def test_every_configuration_is_written_and_read_back_or_refused(tmp_path, name):
    model, path = configured(name), tmp_path / "amp.json"
    params = draw_params(model)
    if name in GREY:
        with pytest.raises(FormatError, match="teach"):
            formats.write(path, model, params, format="rtneural")
        return
    if model.architecture == "WaveNet":
        with pytest.raises(FormatError, match=r"without skips or gates.*LSTM, GRU"):
            formats.write(path, model, params, format="rtneural")
        assert not path.exists()
        return
    formats.write(path, model, params, format="rtneural")
    again, same, _ = formats.read(path)
    assert held(again) == held(model)
    assert_same(params, same)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (WAVENET, "without skips or gates"),
        (recurrent(hidden=[3], skip=True), "nothing goes around a layer.*aidax"),
        (convnet(channels=2, dilations=[1], activation="SiLU"), "Tanh, ReLU, Sigmoid"),
    ],
)
def test_what_rtneural_has_no_layers_for_is_refused(tmp_path, model, reason):
    params = draw_params(model)
    with pytest.raises(FormatError, match=reason):
        formats.write(tmp_path / "amp.json", model, params, format="rtneural")
    assert not list(tmp_path.iterdir())


def content(model, seed=0):
    return encode(model, draw_params(model, seed), None)


STACK = sequential(
    layers=[
        {"type": "conv1d", "size": 2, "kernel_size": 2, "activation": "tanh"},
        {"type": "lstm", "size": 2},
        {"type": "dense", "size": 1},
    ]
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["layers"][0].update(type="prelu"), 'is "prelu"; supported are'),
        (lambda d: d["layers"][0].update(activation="selu"), "players know tanh, relu"),
        (lambda d: d["layers"][0].update(activation=3), "players know tanh, relu"),
        (lambda d: d["layers"][1].update(activation="relu"), "know tanh only"),
        (lambda d: d["layers"][0].update(kernel_size=[0]), "from 1 to"),
        (lambda d: d["layers"][0].update(kernel_size=[]), "is missing"),
        (lambda d: d["layers"][0].update(kernel_size=[-2]), "from 1 to"),
        (lambda d: d["layers"][0].update(dilation=[9_999_999_999]), "from 1 to"),
        (lambda d: d["layers"][0].update(groups=3), "is not supported"),
        (lambda d: d["layers"][0].update(strides=[2]), "strides is not understood"),
        (lambda d: d["layers"][1].update(shape=[None, None, 10**7]), "[10000000]"),
        (lambda d: d["layers"][1].update(shape=[None, None, "2"]), "whole number"),
        (lambda d: d["layers"][2].update(weights=[]), "must list 2"),
        (lambda d: d["layers"][2].update(weights="much"), "must list 2"),
        (lambda d: d["layers"][2]["weights"][0].append([1.0]), "not [3][1]"),
        (lambda d: d["layers"][2]["weights"][0][1].append(1.0), "some lists differ"),
        (lambda d: d["layers"][2]["weights"][0].__setitem__(0, [True]), "numbers"),
        (lambda d: d["layers"][2]["weights"][0].__setitem__(0, ["1"]), "numbers"),
        (lambda d: d["layers"][2]["weights"][1].__setitem__(0, 1e39), "precision"),
        (lambda d: d["layers"].pop(), "end with 2 outputs"),
        (lambda d: d.update(layers=[]), "list of 1 to 256"),
        (lambda d: d.update(layers=[{}]), "type is null"),
        (lambda d: d.update(layers=d["layers"] * 200), "a list of 600"),
        (lambda d: d.update(in_shape=[None, None, 2]), "[2][2][2]"),
        (lambda d: d.update(in_shape=[None, None, 5000]), "has 5000 inputs"),
        (lambda d: d.update(in_shape="wide"), "whole number"),
        (lambda d: d.update(metadata=[]), "metadata must be an object"),
        (lambda d: d.update(metadata={"samplerate": "fast"}), "whole number of Hz"),
        (lambda d: d.update(metadata={"samplerate": 1e12}), "whole number of Hz"),
        (lambda d: d.update(metadata={"controls": ["a"]}), "must name 0 knobs"),
        (lambda d: d.update(in_skip=1), "around other layers than LSTM or GRU"),
        (lambda d: d.update(in_skip=2), "0 and 1 are supported"),
        (lambda d: d.update(out_gain="loud"), "must be a number of dB"),
        (lambda d: d.update(in_gain=1e300), "must be a number of dB"),
    ],
)
def test_a_damaged_file_is_refused_with_its_fault(tmp_path, change, words):
    document, path = content(STACK), tmp_path / "amp.json"
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError) as refused:
        formats.read(path)
    assert words in str(refused.value)
    assert str(refused.value).startswith("amp.json cannot be read: ")


def test_a_past_that_would_fill_the_memory_is_refused(tmp_path):
    document = content(STACK)
    document["layers"][0]["dilation"] = [10_000_000]
    document["layers"].insert(1, document["layers"][0] | {"weights": [
        [[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]][k] for k in (0, 1)
    ]})  # fmt: skip
    document["layers"][1]["weights"] = [document["layers"][1]["weights"], [0.0, 0.0]]
    (tmp_path / "amp.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match="remember 30000000 numbers"):
        formats.read(tmp_path / "amp.json")


def test_groups_that_would_fill_the_memory_with_zeros_are_refused(tmp_path):
    document, width = content(STACK), 5000
    weights = [[[[0.1] * width]], [0.0] * width]  # of one input, or one of each group
    wide = {
        **document["layers"][0],
        "shape": [None, None, width],
        "kernel_size": [1],
        "weights": weights,
    }
    head = {**document["layers"][2], "weights": [[[0.1]] * width, [0.0]]}
    document["layers"] = [wide, {**wide, "groups": width}, head]
    (tmp_path / "amp.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match="spread to 25000000"):
        formats.read(tmp_path / "amp.json")


def test_every_fault_is_named_in_one_message(tmp_path):
    document = content(STACK)
    document["layers"][0]["activation"] = "selu"
    document["layers"][1]["weights"][2] = [0.0]
    document["in_skip"] = "yes"
    (tmp_path / "amp.json").write_text(json.dumps(document))
    with pytest.raises(FormatError) as refused:
        formats.read(tmp_path / "amp.json")
    for place in ("layers[0].activation", "layers[1].weights[2]", "in_skip"):
        assert place in str(refused.value)


def test_a_filter_without_offset_stays_one(tmp_path):
    path = tmp_path / "amp.json"
    for bias in (True, False):
        model = build("Linear", {"receptive_field": 3, "bias": bias})
        formats.write(path, model, draw_params(model), format="rtneural")
        assert formats.read(path)[0].hyperparameters["bias"] == bias


def test_other_words_for_the_same_layers_are_the_same_model(tmp_path):
    document, path = content(recurrent(hidden=[2])), tmp_path / "amp.json"
    path.write_text(json.dumps(document))
    plain, params, _ = formats.read(path)
    document["layers"][0]["activation"] = "tanh"
    document["layers"][1]["type"] = "time-distributed-dense"
    del document["layers"][1]["activation"]
    document["in_shape"], document["comment"] = 1, "from elsewhere"
    path.write_text(json.dumps(document))
    again, same, _ = formats.read(path)
    assert again is plain
    assert_same(params, same)
