"""Playing in blocks is playing at once, whatever the blocks and the pieces."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import LSTM, WAVENET, noise

import jaxamp
from jaxamp.core import silence
from jaxamp.models import build
from jaxamp.stream import play, process, step

MODELS = {"wavenet": WAVENET, "lstm": LSTM}


def params_of(model):
    return model.init(jax.random.key(0))


def at_once(model, params, x):
    """One long block after silence, by the model's own definition."""
    state = silence(model, params, x.shape[0])
    return np.asarray(model.apply(params, jnp.asarray(x), None, state)[0])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [0, 1, 63, 64, 1000])
def test_a_file_is_played_to_its_last_sample(name, length):
    model, x = MODELS[name], noise(length)
    params = params_of(model)
    y = process(model, params, x, block=64)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    expected = at_once(model, params, x[None, None])
    np.testing.assert_allclose(y, expected[0, 0], rtol=0, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 500), max_size=6),
    block=st.sampled_from([1, 7, 64, 4096]),
)
def test_pieces_may_be_cut_anywhere(cuts, block):
    params, x = params_of(WAVENET), noise(500)[None, None]
    edges = [0, *sorted(cuts), 500]
    pieces = [x[:, :, a:b] for a, b in itertools.pairwise(edges)]
    played = np.concatenate(list(play(WAVENET, params, pieces, block=block)), axis=2)
    assert played.shape == x.shape
    np.testing.assert_allclose(played, at_once(WAVENET, params, x), rtol=0, atol=1e-5)


def test_examples_of_a_batch_do_not_hear_each_other():
    params = params_of(LSTM)
    x = np.stack([noise(300, seed)[None] for seed in range(3)])
    together = process(LSTM, params, x)
    assert together.shape == x.shape
    for alone, row in zip(x, together, strict=True):
        np.testing.assert_allclose(process(LSTM, params, alone[0]), row[0], atol=1e-6)


def test_what_is_played_does_not_depend_on_the_type_of_the_numbers():
    params, x = params_of(WAVENET), noise(100)
    for given_ in (np.float64(x), jnp.asarray(x), list(map(float, x))):
        np.testing.assert_array_equal(
            process(WAVENET, params, given_), process(WAVENET, params, x)
        )


@pytest.mark.parametrize("name", MODELS)
def test_blocks_of_changing_length_give_the_same_audio(name):
    model, x = MODELS[name], noise(200)
    params = params_of(model)
    state, at, pieces = silence(model, params), 0, []
    for size in (1, 64, 7, 64, 64):
        y, state = step(model, params, x[at : at + size], state)
        assert y.shape == (size,)
        pieces.append(y)
        at += size
    expected = at_once(model, params, x[None, None, :at])[0, 0]
    np.testing.assert_allclose(np.concatenate(pieces), expected, rtol=0, atol=1e-5)


def test_a_block_length_is_compiled_once():
    fresh = build("WaveNet", {**WAVENET.hyperparameters, "head_scale": 0.123})
    params = params_of(fresh)
    state, before = silence(fresh, params), step._cache_size()
    for size in (32, 32, 16, 32, 16):
        _, state = step(fresh, params, noise(size), state)
    assert step._cache_size() == before + 2


@pytest.mark.parametrize("name", MODELS)
def test_silence_stays_as_it_is(name):
    model = MODELS[name]
    params = params_of(model)
    state = silence(model, params)
    quiet = jnp.zeros((1, 1, 512))
    y, later = model.apply(params, quiet, None, state)
    np.testing.assert_allclose(y, y[0, 0, 0], rtol=0, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), later, state)
    # What zeroed buffers would play is something else: biases are not zero.
    assert any(np.any(np.abs(leaf) > 1e-3) for leaf in jax.tree.leaves(state))


def test_the_package_offers_the_same_functions():
    assert jaxamp.process is process
    assert jaxamp.step is step
    assert jaxamp.silence is silence
