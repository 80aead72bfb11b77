"""The law: a graph plays what the model plays, as a whole and in any blocks."""

import json
import subprocess
import sys

import jax
import numpy as np
import onnx
import pytest
from configs import DISTINCT, GREY
from configs import model as configured
from hypothesis import given, settings
from hypothesis import strategies as st
from knobbed import KNOBBED
from onnx_graphs import modest, noise, offline, session, streamed, written
from random_models import draw_params
from wavenet_parts import wavenets

import jaxamp
from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.models import build

LENGTHS = (1, 37, 1, 700, 285)
"""Samples of the blocks that a signal of 1024 is cut into."""

MIXED = {
    "arrays": [
        {
            "channels": 3,
            "dilations": [1, 5, 2],
            "kernel_size": [2, 1, 4],
            "activation": ["Tanh", "Hardswish", {"type": "LeakyReLU"}],
            "head_size": 2,
            "head_kernel_size": 3,
        },
        {
            "channels": 2,
            "dilations": [7],
            "activation": "SiLU",
            "head_size": 1,
            "head_bias": True,
        },
    ],
    "head_scale": 0.7,
}

SMALL = {
    "wavenet": ("WaveNet", MIXED),
    "lstm": ("LSTM", {"hidden": [3, 2], "skip": True}),
    "lstm_of_2018": ("LSTM", {"hidden": [4, 1], "head": False}),
    "lstm_with_a_state": ("LSTM", {"hidden": [3], "learned_state": True}),
    "gru": ("GRU", {"cell": "GRU", "hidden": [3, 2], "skip": True}),
    "gru_with_a_state": (
        "GRU",
        {"cell": "GRU", "hidden": [2, 1], "head": False, "learned_state": True},
    ),
    "convnet": ("ConvNet", {"channels": 2, "dilations": [1, 4]}),
    "linear": ("Linear", {"receptive_field": 9, "bias": True}),
    "gain": ("Linear", {"receptive_field": 1}),
}


@pytest.mark.parametrize("name", DISTINCT)
def test_every_configuration_plays_the_same_whole_and_in_blocks(tmp_path, name):
    model = configured(name)
    if name in GREY:
        with pytest.raises(FormatError, match="teach"):
            written(tmp_path, model, draw_params(model), "onnx")
        return
    params, x = modest(model), noise(sum(LENGTHS))
    y = jaxamp.process(model, params, x)
    whole = offline(written(tmp_path, model, params, "onnx"), x)
    blocks = streamed(written(tmp_path, model, params, "onnx_stream"), x, LENGTHS)
    np.testing.assert_allclose(whole, y, rtol=0, atol=1e-5)
    np.testing.assert_allclose(blocks, y, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_any_number_of_signals_of_any_length_is_played(tmp_path, name):
    model = build(*SMALL[name])
    params, x = modest(model), noise(4096, batch=3)
    y = np.concatenate([jaxamp.process(model, params, one[None]) for one in x])
    whole = written(tmp_path, model, params, "onnx")
    blocks = written(tmp_path, model, params, "onnx_stream")
    for length in (1, 37, 4096):
        short = x[:, :, :length]
        expected = y[:, :, :length]
        np.testing.assert_allclose(offline(whole, short), expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(
            streamed(blocks, short, [length]), expected, rtol=0, atol=1e-5
        )
    by_sample = streamed(blocks, x[:, :, :37], [1] * 37)
    np.testing.assert_allclose(by_sample, y[:, :, :37], rtol=0, atol=1e-5)
    alone = streamed(blocks, x[1:2], [100, 3996])
    np.testing.assert_allclose(alone, y[1:2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_a_state_that_is_not_given_is_silence(tmp_path, name):
    model = build(*SMALL[name])
    params = modest(model)
    graph = written(tmp_path, model, params, "onnx_stream")
    quiet = jax.tree.leaves(jaxamp.silence(model, params))
    quiet = sorted((np.asarray(leaf) for leaf in quiet if leaf.size), key=by_values)
    _, *left = graph.run(None, {"x": np.zeros((1, 1, 5), np.float32)})
    assert len(left) == len(graph.get_overridable_initializers()) == len(quiet)
    for found, expected in zip(sorted(left, key=by_values), quiet, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def by_values(part):
    """Parts of a state in an order that does not depend on their names."""
    return part.shape, round(float(part.sum()), 3)


TURNED = [n for n, one in KNOBBED.items() if "conditioning" in one.hyperparameters]
INPUTS = [
    name
    for name, one in KNOBBED.items()
    if name not in TURNED and one.architecture != "GreyBox"  # which nothing can hold
]


def test_knobs_that_turn_layers_are_refused_with_what_can_be_done(tmp_path):
    for name in TURNED:
        model = KNOBBED[name]
        with pytest.raises(FormatError, match=r"--knob.*conditioning=concat"):
            formats.write(tmp_path / "a.onnx", model, draw_params(model))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", INPUTS)
def test_knobs_are_heard_and_stand_in_the_middle_unless_they_are_turned(tmp_path, name):
    model = KNOBBED[name]
    # With most seeds the small layer of ReLUs lets nothing through, knobs included.
    params, x = draw_params(model, seed=3), noise(200, batch=2)
    whole = written(tmp_path, model, params, "onnx")
    blocks = written(tmp_path, model, params, "onnx_stream")
    middle = jaxamp.process(model, params, x)
    np.testing.assert_allclose(offline(whole, x), middle, rtol=0, atol=1e-5)
    np.testing.assert_allclose(streamed(blocks, x, [50, 150]), middle, atol=1e-5)

    turned = np.array([[0.1, 0.9], [1.0, 0.3]], np.float32)[:, : len(model.controls)]
    expected = jaxamp.process(model, params, x, controls=turned)
    (y,) = whole.run(None, {"x": x, "controls": turned})
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    assert np.max(np.abs(y - middle)) > 1e-4, "else nothing was told apart"
    quiet = jaxamp.silence(model, params, 2)
    expected, _ = model.apply(params, x, turned, quiet)
    y, *_ = blocks.run(None, {"x": x, "controls": turned})
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    said = whole.get_modelmeta().custom_metadata_map
    assert json.loads(said["controls"]) == list(model.controls)


@settings(max_examples=5, deadline=None)  # each compiles two programs
@given(wavenets(), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_any_wavenet_of_any_parts_is_played_in_any_blocks(
    tmp_path_factory, options, lengths
):
    folder = tmp_path_factory.mktemp("onnx")
    model = build("WaveNet", options)
    params, x = modest(model), noise(sum(lengths))
    y = jaxamp.process(model, params, x, block=64)
    whole = offline(written(folder, model, params, "onnx"), x)
    blocks = streamed(written(folder, model, params, "onnx_stream"), x, lengths)
    np.testing.assert_allclose(whole, y, rtol=0, atol=1e-5)
    np.testing.assert_allclose(blocks, y, rtol=0, atol=1e-5)


def test_the_documented_loop_plays_a_signal_block_by_block(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = build(*SMALL["wavenet"])
    params, signal = modest(model), noise(256)
    formats.write("amp.onnx", model, params, format="onnx_stream")

    graph = session("amp.onnx")
    names = [part.name for part in graph.get_overridable_initializers()]
    following = [f"next.{name}" for name in names]
    state, played = {}, []  # what is not given is silence
    for block in np.split(signal, 4, axis=2):  # [batch, 1, any]
        y, *parts = graph.run(["y", *following], {"x": block, **state})
        state = dict(zip(names, parts, strict=True))
        played.append(y)

    expected = jaxamp.process(model, params, signal)
    np.testing.assert_allclose(np.concatenate(played, 2), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("format", ["onnx", "onnx_stream"])
@pytest.mark.parametrize("name", ["wavenet", "lstm"])
def test_the_same_model_makes_the_same_file(tmp_path, name, format):
    model = build(*SMALL[name])
    files = []
    for path in (tmp_path / "one.onnx", tmp_path / "two.onnx"):
        formats.write(path, model, modest(model), format=format, metadata={"name": "A"})
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_a_file_says_what_it_holds(tmp_path):
    model = build("ConvNet", {"channels": 1, "dilations": [3], "sample_rate": 44_100})
    metadata = {"name": "Ä", "training": {"validation_esr": 0.5}}
    graph = written(tmp_path, model, draw_params(model), "onnx", metadata=metadata)
    said = graph.get_modelmeta().custom_metadata_map
    assert json.loads(said.pop("metadata")) == metadata
    assert said.pop("jaxamp_version")
    assert said == {
        "architecture": "ConvNet",
        "sample_rate": "44100",
        "receptive_field": "4",
        "latency": "0",
    }


def test_a_long_past_of_silence_is_stored_as_one_sample(tmp_path):
    model = build("WaveNet", {"arrays": [{"channels": 4, "dilations": [900],
                                          "head_size": 1}]})  # fmt: skip
    formats.write(tmp_path / "amp.onnx", model, modest(model))
    numbers = onnx.load(tmp_path / "amp.onnx").graph.initializer
    assert sum(np.prod(one.dims, dtype=int) for one in numbers) < 100


def test_graphs_are_of_an_old_and_widely_read_version(tmp_path):
    model = build("Linear", {"receptive_field": 2})
    formats.write(tmp_path / "amp.onnx", model, draw_params(model))
    found = onnx.load(tmp_path / "amp.onnx")
    assert [(one.domain, one.version) for one in found.opset_import] == [("", 17)]
    assert found.ir_version == 8


def test_the_library_is_not_imported_until_a_graph_is_written():
    code = "import sys, jaxamp.formats; assert not {'onnx', 'jax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
