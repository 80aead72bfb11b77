"""What a model allows: another loudness, a learned beginning, a JSON record."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from configs import SINGLE, model
from tiny import WAVENET, noise

from jaxamp.core import ConfigError
from jaxamp.models import (
    build,
    convnet,
    linear,
    output_layer,
    recurrent,
    scale_output,
    wavenet,
)
from jaxamp.stream import process
from jaxamp.train.flat import named, replaced

SCALABLE = {
    "wavenet": WAVENET,
    "wavenet with a head": wavenet(
        arrays=[{"channels": 2, "dilations": [1], "head_size": 2}],
        head={"kernel_sizes": [2, 1], "channels": 3, "activation": "Tanh"},
    ),
    "convnet": convnet(channels=2, dilations=[1, 2]),
    "linear": linear(receptive_field=8, bias=True),
    "lstm": recurrent(hidden=[3]),
    "gru": recurrent(cell="GRU", hidden=[2, 3]),
    "lstm with skip": recurrent(hidden=[3], skip=True),
}


@pytest.mark.parametrize("name", SCALABLE)
def test_scaling_the_output_scales_every_sample(name):
    one, x = SCALABLE[name], noise(300)
    params = one.init(jax.random.key(0))
    louder, scaled = scale_output(one, params, -2.5)
    y = process(one, params, x)
    assert np.max(np.abs(y)) > 1e-3
    np.testing.assert_allclose(process(louder, scaled, x), -2.5 * y, atol=1e-6)
    rebuilt = build(louder.architecture, louder.hyperparameters)
    np.testing.assert_allclose(process(rebuilt, scaled, x), -2.5 * y, atol=1e-6)


@pytest.mark.parametrize("name", [k for k in SCALABLE if output_layer(SCALABLE[k])])
def test_the_output_layer_alone_scales_the_output(name):
    one, x = SCALABLE[name], noise(300)
    params = one.init(jax.random.key(0))
    louder = {
        key: leaf * (-2.5 if key.startswith(f"{output_layer(one)}.") else 1.0)
        for key, leaf in named(params).items()
    }
    y = process(one, replaced(params, louder), x)
    np.testing.assert_allclose(y, -2.5 * process(one, params, x), atol=1e-6)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (recurrent(hidden=[3, 1], head=False), "no linear head"),
    ],
)
def test_an_output_that_is_no_weighted_sum_is_not_scaled(one, reason):
    params = one.init(jax.random.key(0))
    with pytest.raises(ConfigError, match=reason):
        scale_output(one, params, 0.5)
    same, untouched = scale_output(one, params, 1.0)
    assert same is one
    assert untouched is params


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_a_learned_beginning_is_used_and_has_a_gradient(cell):
    one = recurrent(cell=cell, hidden=[2, 3], learned_state=True)
    x = jnp.asarray(noise(20))[None, None]

    @jax.jit
    def loudness(params):
        y, _ = one.apply(params, x, None, one.init_state(params, 1))
        return jnp.sum(y**2)

    params = one.init(jax.random.key(0))
    slope = jax.jit(jax.grad(loudness))(params)
    initial = [name for name in params if name.startswith("initial_")]
    assert len(initial) == 2 * (2 if cell == "LSTM" else 1)
    for name in initial:
        assert np.all(np.abs(slope[name]) > 0), name
        changed = {**params, name: params[name] + 1.0}
        assert loudness(changed) != loudness(params)


@pytest.mark.parametrize("share", [True, 1, 0.25, -2.0])
def test_a_skip_adds_so_much_of_the_guitar(share):
    plain, skipping = recurrent(hidden=[3]), recurrent(hidden=[3], skip=share)
    params, x = plain.init(jax.random.key(0)), noise(50)
    np.testing.assert_allclose(
        process(skipping, params, x), process(plain, params, x) + share * x, atol=1e-6
    )


def test_a_skip_that_is_true_or_one_is_the_same_model():
    one, true = recurrent(hidden=[3], skip=1.0), recurrent(hidden=[3], skip=True)
    assert one.hyperparameters == true.hyperparameters
    assert json.dumps(true.hyperparameters["skip"]) == "1.0"


@pytest.mark.parametrize("name", SINGLE)
def test_hyperparameters_survive_json(name):
    one = model(name)
    again = json.loads(json.dumps(dict(one.hyperparameters)))
    assert again == one.hyperparameters
    # The same numbers give the very same model, so that nothing compiles twice.
    assert build(one.architecture, again) is build(one.architecture, again)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: recurrent(cell="RNN"), "Known are: LSTM, GRU"),
        (lambda: recurrent(hidden=[]), "at least one size"),
        (lambda: recurrent(hidden=[4], head=False), "must have one cell, not 4"),
        (lambda: recurrent(skip=float("nan")), "skip=nan must be"),
        (lambda: recurrent(controls="gain"), "must list the names"),
        (lambda: recurrent(controls=["gain", "gain"]), "must list the names"),
        (lambda: build("WaveNet", {"arrays": []}), "at least one layer array"),
    ],
)
def test_shapes_that_make_no_model_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()
