"""Knobs of networks: they begin without effect, move in any block, and can be baked."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from knobbed import ARRAYS, KINDS, cells, convolutions, turned
from tiny import noise

from jaxamp.core import ConfigError, FormatError, check_conditioning, parameter_count
from jaxamp.models import (
    bake,
    build,
    convnet,
    linear,
    moving_macs,
    recurrent,
    sequential,
    unturned,
    wavenet,
)

MODELS = {
    f"{name} {kind}": make(kind)
    for name, make in {
        "WaveNet": convolutions,
        "LSTM": functools.partial(cells, "LSTM"),
        "GRU": functools.partial(cells, "GRU"),
    }.items()
    for kind in KINDS
}
ALL = pytest.mark.parametrize("name", MODELS)
LENGTH = 48
SETTINGS = np.array([[0.1, 0.9], [0.8, 0.3]], np.float32)
SOUND = noise(2 * LENGTH).reshape(2, 1, LENGTH)


@functools.partial(jax.jit, static_argnames="model")
def played(model, params, x, controls=None):
    """From an unknown past."""
    return model.apply(params, x, controls, model.init_state(params, x.shape[0]))


@ALL
def test_a_baked_setting_plays_as_the_knobs_do_there(name):
    model = MODELS[name]
    params = turned(model)
    y, _ = played(model, params, SOUND, SETTINGS)
    for row, settings in enumerate(SETTINGS):
        plain, weights = bake(model, params, settings)
        assert plain.controls == ()
        assert plain is unturned(model)
        z, _ = played(plain, weights, SOUND)
        np.testing.assert_allclose(z[row], y[row], rtol=0, atol=1e-5)
        assert np.max(np.abs(z[1 - row] - y[1 - row])) > 1e-3


@ALL
def test_knobs_begin_without_effect_where_not_further_inputs(name):
    model = MODELS[name]
    plain, key = unturned(model), jax.random.key(3)
    params, own = model.init(key), plain.init(key)
    if "conditioning" not in model.hyperparameters:
        assert params["layer_0"]["input_weight"].shape[1] == 3
        return
    snapshot = {
        layer: {key: params[layer][key] for key in part} for layer, part in own.items()
    }
    jax.tree.map(np.testing.assert_array_equal, snapshot, own)
    y, _ = played(model, params, SOUND, SETTINGS)
    z, _ = played(plain, own, SOUND)
    np.testing.assert_allclose(y, z, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["WaveNet film", "WaveNet concat", "GRU hyper"])
def test_moving_knobs_may_be_cut_anywhere(name):
    model = MODELS[name]
    params = turned(model)
    moving = np.random.default_rng(2).uniform(size=(2, 2, LENGTH)).astype(np.float32)
    whole, _ = played(model, params, SOUND, moving)
    state, answers = model.init_state(params, 2), []
    apply = jax.jit(model.apply)
    for x, knobs in zip(np.split(SOUND, 2, 2), np.split(moving, 2, 2), strict=True):
        y, state = apply(params, x, knobs, state)
        answers.append(y)
    np.testing.assert_allclose(np.concatenate(answers, 2), whole, rtol=0, atol=1e-5)
    resting, _ = played(model, params, SOUND, moving[:, :, -1])
    assert np.max(np.abs(resting - whole)) > 1e-3


@pytest.mark.parametrize("name", ["WaveNet hyper", "LSTM film"])
def test_knobs_without_effect_begin_to_learn_and_then_all_of_them_does(name):
    model = MODELS[name]

    @jax.jit
    def gradient(params):
        def score(params):
            return jnp.sum(played(model, params, SOUND, SETTINGS)[0] ** 2)

        return jax.grad(score)(params)

    def learning(params):
        leaves = jax.tree.leaves_with_path(gradient(params))
        named = ((jax.tree_util.keystr(path), leaf) for path, leaf in leaves)
        return {name: bool(np.any(leaf)) for name, leaf in named if "knobs" in name}

    begun = learning(model.init(jax.random.key(0)))
    assert any(begun.values())
    later = learning(turned(model))
    assert all(later.values()), later


@ALL
def test_hyperparameters_rebuild_a_model_with_knobs(name):
    model = MODELS[name]
    assert build(model.architecture, model.hyperparameters) is model or (
        build(model.architecture, model.hyperparameters).hyperparameters
        == model.hyperparameters
    )


def test_what_knobs_at_rest_cost_is_counted():
    rows, heard = [4, 2], [2 * 3 + 1, 2 * 3 + 1]
    plain = wavenet(arrays=ARRAYS)
    for kind, more in (
        ("concat", 0),
        ("film", sum(rows) + 1),
        ("hyper", sum(2 * (i + 1 + r) for i, r in zip(heard, rows, strict=True)) + 1),
    ):
        model = convolutions(kind)
        assert model.macs_per_sample == plain.macs_per_sample + more
    plain = recurrent(hidden=[3])
    for kind, more in (("film", 2 * 12 + 1), ("hyper", 2 * (1 + 3 + 2 * 13) + 1)):
        assert cells("LSTM", kind).macs_per_sample == plain.macs_per_sample + more
    small = 4 * 2 + 4 + 4 * 4 + 4  # the network of the knobs
    layer = 4 * 2 + 4 * 4 + 4  # the same, without biases, and its word to the output
    assert moving_macs(convolutions("film")) == layer + 4 * 2 * sum(rows)
    assert moving_macs(convolutions("hyper")) == layer + 4 * (sum(rows) + 2 * 2)
    assert moving_macs(convolutions("concat")) == 2 * sum(rows)
    assert moving_macs(cells("GRU", "film")) == layer + 4 * 2 * 9
    assert moving_macs(cells("GRU", "concat")) == 0
    extra = parameter_count(convolutions("film").init(jax.random.key(0)))
    extra -= parameter_count(wavenet(arrays=ARRAYS).init(jax.random.key(0)))
    assert extra == small + (4 + 1) * (2 * sum(rows) + 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("filmm", "'filmm' is not known. Known are: concat, film, hyper"),
        ({"hidden": 4}, "None is not known"),
        ({"kind": "film", "rank": 4}, "rank is no option of film"),
        ({"kind": "concat", "hidden": 4}, "takes: no options"),
        ({"kind": "film", "hidden": 0}, "whole number from 1"),
        ({"kind": "hyper", "rank": 2.5}, "whole number from 1"),
        ({"kind": "hyper", "rank": True}, "whole number from 1"),
        ({"kind": "hyper", "rank": 10**9}, "whole number from 1"),
        (["film"], "must be a kind with its options"),
    ],
)
def test_a_conditioning_that_makes_no_sense_is_refused(given, words):
    for make in (recurrent, functools.partial(wavenet, arrays=ARRAYS)):
        with pytest.raises(ConfigError, match=words):
            make(controls=["gain"], conditioning=given)


def test_a_conditioning_without_knobs_is_refused():
    for make in (recurrent, functools.partial(wavenet, arrays=ARRAYS)):
        with pytest.raises(ConfigError, match="has no knobs"):
            make(conditioning="film")


def test_parts_that_knobs_cannot_turn_are_refused():
    one = {"channels": 2, "dilations": [1], "head_size": 1}
    film = {"activation_pre_film": {}}
    lstm = {"architecture": "LSTM", "hyperparameters": {"hidden": [2]}}
    for options, words in (
        ({"arrays": [one], "condition": lstm}, "one or the other"),
        ({"arrays": [{**one, "film": film}]}, "modulated by the guitar"),
        ({"arrays": [{**one, "groups": 2}], "conditioning": "hyper"}, "groups"),
    ):
        with pytest.raises(ConfigError, match=words):
            wavenet(controls=["gain"], **options)
    for other in (convnet, linear):
        with pytest.raises(TypeError, match="controls"):
            other(controls=["gain"])


def test_settings_that_cannot_be_baked_are_refused():
    model = MODELS["LSTM film"]
    for settings in ([0.5], [0.5, 1.5], [0.5, np.nan]):
        with pytest.raises(ConfigError, match="gain, tone"):
            bake(model, {}, settings)
    other = sequential(layers=[{"type": "dense", "size": 1}], controls=["gain"])
    with pytest.raises(FormatError, match="WaveNet, LSTM, GRU can"):
        bake(other, {}, [0.5])
    assert check_conditioning("film").words == {"kind": "film", "hidden": 16}
