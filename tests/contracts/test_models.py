"""The laws every architecture keeps, tried on all that differ and with knobs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from configs import DISTINCT
from configs import model as configured
from flax import serialization
from knobbed import KNOBBED
from tiny import noise

from jaxamp.core import parameter_count, silence
from jaxamp.models import build, is_recurrent
from jaxamp.stream import step

NAMES = [*DISTINCT, "wavenet with hyper", "lstm with film"]
"""Other models with knobs have them as further inputs; `test_controls` turns all."""

LENGTH = 150
BLOCK = 50
"""Samples. All tests play the same few lengths, because compiling takes the time."""

SHAPES = {
    "wavenet/standard": (13_801, 13_320, 4_093),
    "wavenet/lite": (6_553, 6_228, 4_093),
    "wavenet/feather": (3_025, 2_808, 4_093),
    "wavenet/nano": (841, 732, 4_093),
    "wavenet/a2_full": (12_145, 11_776, 6_347),
    "wavenet/a2_lite": (1_870, 1_731, 6_347),
}
"""name -> parameters, multiply-accumulates a sample, receptive field, as published."""


def model(name):
    return KNOBBED[name] if name in KNOBBED else configured(name)


@functools.cache
def params_of(name):
    return model(name).init(jax.random.key(0))


def guitar(length, batch=2):
    """Of NumPy's, for which nothing is compiled whatever the length."""
    return noise(batch * length, level=0.3).reshape(batch, 1, length)


@pytest.mark.parametrize("name", NAMES)
def test_any_split_into_blocks_gives_the_same_audio(name):
    one, params, x = model(name), params_of(name), guitar(LENGTH)
    start = silence(one, params, 2)

    def played(size):
        state, pieces = jax.tree.map(jnp.copy, start), []
        for begin in range(0, LENGTH, size):
            y, state = step(one, params, x[:, :, begin : begin + size], state)
            pieces.append(y)
        return np.concatenate(pieces, axis=2), state

    (short, after), (long, end) = played(1), played(BLOCK)
    assert long.shape == x.shape
    np.testing.assert_allclose(short, long, rtol=0, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), after, end)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_past_is_settled_after_the_warm_up(name):
    one, params = model(name), params_of(name)
    x = guitar(one.warmup + BLOCK)
    known, state = x[:, :, : one.warmup], one.init_state(params, 2)
    y, state = jax.jit(one.apply)(params, known, None, state)
    if not is_recurrent(one):
        assert y.shape[2] == 0, "not one sample of an unknown past may be answered"
    continued, _ = step(one, params, x[:, :, one.warmup :], state)
    at_once, _ = jax.jit(one.apply)(params, x, None, one.init_state(params, 2))
    np.testing.assert_allclose(continued, at_once[:, :, -BLOCK:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_survives_a_round_trip_through_bytes(name):
    one, params, x = model(name), params_of(name), guitar(BLOCK)
    state = silence(one, params, 2)
    stored = serialization.to_bytes(state)
    restored = serialization.from_bytes(state, stored)
    same, _ = step(one, params, x, jax.tree.map(jnp.asarray, restored))
    y, _ = step(one, params, x, state)
    np.testing.assert_array_equal(same, y)


@pytest.mark.parametrize("name", NAMES)
def test_the_future_is_not_heard(name):
    one, params, x = model(name), params_of(name), guitar(BLOCK)
    start = silence(one, params, 2)
    changed = np.concatenate([x[:, :, :40], np.full_like(x[:, :, 40:], 0.9)], axis=2)
    y, _ = step(one, params, x, jax.tree.map(jnp.copy, start))
    other, _ = step(one, params, changed, start)
    other, y = np.asarray(other), np.asarray(y)
    np.testing.assert_allclose(other[:, :, :40], y[:, :, :40], rtol=0, atol=1e-6)
    assert np.max(np.abs(other[:, :, 40:] - y[:, :, 40:])) > 0


@pytest.mark.parametrize("name", NAMES)
def test_hyperparameters_rebuild_the_model(name):
    one = model(name)
    again = build(one.architecture, one.hyperparameters)
    shapes = [jax.eval_shape(m.init, jax.random.key(0)) for m in (one, again)]
    assert jax.tree.map(lambda a: a.shape, shapes[0]) == jax.tree.map(
        lambda a: a.shape, shapes[1]
    )
    assert again.receptive_field == one.receptive_field


@pytest.mark.parametrize("name", SHAPES)
def test_standard_shapes_have_their_published_size(name):
    one = model(name)
    shape = jax.eval_shape(one.init, jax.random.key(0))
    size = (parameter_count(shape), one.macs_per_sample, one.receptive_field)
    assert size == SHAPES[name]
