"""The law: what is written is read back, bit for bit."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import UNMEASURED, draw_params

from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.formats.nam import read_nam, write_container, write_nam
from jaxamp.models import build

ACTIVATIONS = st.sampled_from(
    ["Tanh", "ReLU", "Softsign", {"type": "LeakyReLU", "negative_slope": 0.2}]
)
RATES = st.sampled_from([44_100, 48_000, 96_000])


@st.composite
def wavenets(draw):
    channels = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    arrays = []
    for index, width in enumerate(channels):
        layers = draw(st.integers(1, 3))
        arrays.append(
            {
                "channels": width,
                "dilations": draw(listed(st.integers(1, 9), layers)),
                "kernel_size": draw(one_or_each(st.integers(1, 4), layers)),
                "activation": draw(one_or_each(ACTIVATIONS, layers)),
                "head_size": [*channels, 1][index + 1],
                "head_kernel_size": draw(st.sampled_from([1, 1, 3])),
                "head_bias": draw(st.booleans()),
            }
        )
    scale = st.floats(1e-3, 10)  # doubles: the head scale is no parameter
    return "WaveNet", {
        "arrays": arrays,
        "head_scale": draw(scale),
        "sample_rate": draw(RATES),
    }


@st.composite
def others(draw):
    rate = draw(RATES)
    if draw(st.booleans()):
        return "ConvNet", {
            "channels": draw(st.integers(1, 5)),
            "dilations": draw(listed(st.integers(1, 9), draw(st.integers(1, 4)))),
            "activation": draw(ACTIVATIONS),
            "sample_rate": rate,
        }
    return "Linear", {
        "receptive_field": draw(st.integers(1, 300)),
        "bias": draw(st.booleans()),
        "sample_rate": rate,
    }


def listed(items, length):
    return st.lists(items, min_size=length, max_size=length)


def one_or_each(items, length):
    return listed(items, length) | items.map(lambda item: [item] * length)


def assert_same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


@settings(max_examples=30, deadline=None)
@given(described=wavenets() | others(), seed=st.integers(0, 9))
def test_a_model_read_back_is_the_model_written(tmp_path_factory, described, seed):
    path = tmp_path_factory.mktemp("round") / "amp.nam"
    model = build(*described)
    params = draw_params(model, seed)
    write_nam(path, model, params, UNMEASURED)
    again, same, metadata = read_nam(path)
    assert (again.architecture, again.hyperparameters) == (
        model.architecture,
        model.hyperparameters,
    )
    assert_same(params, same)
    assert metadata == UNMEASURED
    written = path.read_bytes()
    write_nam(path, again, same, metadata)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("hidden", "learned"), [([3], False), ([3], True), ([4, 4], True)]
)
def test_an_lstm_read_back_plays_the_same_once_settled(tmp_path, hidden, learned):
    path = tmp_path / "amp.nam"
    model = build("LSTM", {"hidden": hidden, "learned_state": learned})
    params = draw_params(model)
    write_nam(path, model, params, UNMEASURED)
    again, same, _ = read_nam(path)
    assert again.hyperparameters == {**model.hyperparameters, "learned_state": True}
    weights = {k: v for k, v in params.items() if not k.startswith("initial")}
    assert_same(weights, {key: same[key] for key in weights})

    signal = np.random.default_rng(0).standard_normal(500)
    x = jnp.asarray(np.concatenate([np.zeros(48_000), signal]), jnp.float32)
    started = model.init_state(params, 1)
    first, _ = model.apply(params, x[None, None], None, started)
    resting = again.init_state(same, 1)
    second, _ = again.apply(same, x[None, None, -500:], None, resting)
    np.testing.assert_allclose(first[:, :, -500:], second, atol=1e-6)


def test_each_size_of_a_container_is_read_back(tmp_path):
    path = tmp_path / "amp.nam"
    models = [build("Linear", {"receptive_field": taps}) for taps in (2, 3, 5)]
    drawn = [draw_params(model) for model in models]
    write_container(path, list(zip((0.3, 0.6, 1), models, drawn, strict=True)))
    for size, index in {0.0: 0, 0.3: 1, 0.59: 1, 0.6: 2, 1.0: 2, None: 2}.items():
        model, params, _ = formats.read(path, size=size)
        assert model.hyperparameters == models[index].hyperparameters
        assert_same(params, drawn[index])


def test_a_container_is_as_loud_as_its_largest_part(tmp_path):
    path = tmp_path / "amp.nam"
    model = build("Linear", {"receptive_field": 1})
    quiet, loud = ({"fir": {"weight": jnp.full((1, 1, 1), v)}} for v in (0.1, 1.0))
    labels = {"name": "Both", "input_level_dbu": 12.5}
    write_container(path, [(0.5, model, quiet), (1.0, model, loud)], labels)
    document = json.loads(path.read_text())
    parts = [entry["model"] for entry in document["config"]["submodels"]]
    assert document["metadata"] == {**parts[1]["metadata"], **labels}
    difference = parts[1]["metadata"]["loudness"] - parts[0]["metadata"]["loudness"]
    assert difference == pytest.approx(20, abs=1e-4)
    assert read_nam(path, size=0.2)[2] == {**parts[0]["metadata"], **labels}


@pytest.mark.parametrize("limits", [(0.5, 0.9), (1.0, 0.5), (1.0, 1.0)])
def test_sizes_that_do_not_ascend_to_the_whole_are_not_written(tmp_path, limits):
    model = build("Linear", {"receptive_field": 1})
    parts = [(limit, model, draw_params(model)) for limit in limits]
    with pytest.raises(FormatError, match="ascend and end with 1"):
        write_container(tmp_path / "amp.nam", parts)


@pytest.mark.parametrize(
    ("architecture", "options", "reason"),
    [
        ("LSTM", {"hidden": [2], "skip": True}, "adds the input"),
        ("LSTM", {"hidden": [2, 3]}, "differ in width: 2, 3"),
        ("LSTM", {"hidden": [2, 1], "head": False}, "last layer is the output.*width"),
        ("GRU", {"cell": "GRU", "hidden": [2]}, "cannot hold a GRU.*LSTM"),
    ],
)
def test_what_players_cannot_hold_is_refused_with_the_reason(
    tmp_path, architecture, options, reason
):
    model = build(architecture, options)
    with pytest.raises(FormatError, match=reason):
        write_nam(tmp_path / "amp.nam", model, draw_params(model))
    assert not list(tmp_path.iterdir())


def test_parameters_that_diverged_are_not_written(tmp_path):
    model = build("Linear", {"receptive_field": 3})
    params = {"fir": {"weight": jnp.array([[[1.0, jnp.nan, 2.0]]])}}
    with pytest.raises(FormatError, match="1 of 3 parameters are not finite"):
        write_nam(tmp_path / "amp.nam", model, params)


def test_parameters_of_another_model_are_not_written(tmp_path):
    model = build("Linear", {"receptive_field": 3})
    params = {"fir": {"weight": jnp.ones((1, 1, 4))}}
    with pytest.raises(FormatError, match=r"fir.weight has shape \(1, 1, 4\)"):
        write_nam(tmp_path / "amp.nam", model, params)
