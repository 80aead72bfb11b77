"""The laws of every model with knobs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from knobbed import KNOBBED, turned
from tiny import LSTM, noise

from jaxamp.core import ConfigError, knob_settings, silence
from jaxamp.stream import Player, process, step

LENGTH, BLOCK = 120, 40
NAMES = pytest.mark.parametrize("name", KNOBBED)


@functools.cache
def drawn(name):
    """A model, parameters large enough to hear every knob, sound, knobs that move."""
    model = KNOBBED[name]
    if "conditioning" in model.hyperparameters:
        params = turned(model)
    else:
        params = jax.tree.map(lambda leaf: 2 * leaf, model.init(jax.random.key(0)))
    random = np.random.default_rng(1)
    moving = random.uniform(size=(2, len(model.controls), LENGTH)).astype(np.float32)
    x = np.stack([noise(LENGTH, seed)[None] for seed in (2, 3)])
    return model, params, x, moving


@NAMES
def test_any_split_of_sound_and_moving_knobs_gives_the_same_audio(name):
    model, params, x, moving = drawn(name)
    whole, _ = step(model, params, x, silence(model, params, 2), moving)
    for size in (1, BLOCK):
        state, pieces = silence(model, params, 2), []
        for at in range(0, LENGTH, size):
            here = slice(at, at + size)
            y, state = step(model, params, x[..., here], state, moving[..., here])
            pieces.append(y)
        answered = np.concatenate(pieces, axis=2)
        np.testing.assert_allclose(answered, whole, rtol=0, atol=1e-5)


@NAMES
def test_a_knob_that_rests_is_one_that_moves_nowhere(name):
    model, params, x, moving = drawn(name)
    still = moving[:, :, 0]
    moved = np.broadcast_to(still[:, :, None], moving.shape)
    y, _ = step(model, params, x, silence(model, params, 2, still), still)
    z, _ = step(model, params, x, silence(model, params, 2, still), moved)
    # What is designed once for knobs at rest and for each sample of those that move, a
    # filter or what a small network says of them, is rounded apart.
    by_itself = model.architecture == "GreyBox"
    apart = 1e-6 if "conditioning" in model.hyperparameters else 0
    np.testing.assert_allclose(y, z, rtol=0, atol=1e-5 if by_itself else apart)
    np.testing.assert_allclose(
        process(model, params, x, controls=still), y, rtol=0, atol=1e-5
    )


@NAMES
def test_every_knob_is_heard_and_none_is_the_middle_of_all(name):
    model, params, x, _ = drawn(name)
    middle = np.full(len(model.controls), 0.5)
    y = process(model, params, x, controls=middle)
    np.testing.assert_array_equal(process(model, params, x), y)
    for index in range(len(middle)):
        moved = np.array(middle)
        moved[index] = 1.0
        other = process(model, params, x, controls=moved)
        assert np.max(np.abs(other - y)) > 1e-3, model.controls[index]


@NAMES
def test_signals_side_by_side_have_knobs_of_their_own(name):
    model, params, x, moving = drawn(name)
    together = process(model, params, x, controls=moving[:, :, 0])
    for row, knobs, y in zip(x, moving[:, :, 0], together, strict=True):
        alone = process(model, params, row[0], controls=knobs)
        np.testing.assert_allclose(alone, y[0], rtol=0, atol=1e-5)


@NAMES
def test_the_player_plays_what_the_file_player_plays(name):
    model, params, x, moving = drawn(name)
    player = Player(model, params, block=BLOCK, controls=moving[0, :, 0])
    state, played = player.silence(), []
    for block in x[0, 0].reshape(-1, BLOCK):
        y, state = player(block, state)
        played.append(y)
    expected = process(model, params, x[0, 0], controls=moving[0, :, 0])
    np.testing.assert_allclose(np.concatenate(played), expected, rtol=0, atol=1e-5)


@NAMES
def test_controls_that_are_not_the_models_knobs_are_refused(name):
    model, params, x, _ = drawn(name)
    wrong = jnp.zeros((2, len(model.controls) + 1))
    with pytest.raises(ConfigError, match="Controls of shape"):
        step(model, params, x, silence(model, params, 2), wrong)
    with pytest.raises(ConfigError, match="Controls of shape"):
        process(model, params, x, controls=wrong)


def test_a_model_without_knobs_is_given_none():
    params = LSTM.init(jax.random.key(0))
    with pytest.raises(ConfigError, match="0 knobs"):
        process(LSTM, params, noise(10), controls=[0.5])
    assert knob_settings(LSTM, {}) is None
    with pytest.raises(ConfigError, match="no knobs at all"):
        knob_settings(LSTM, {"gain": 0.5})


def test_knobs_are_set_by_name_and_stand_in_the_middle_otherwise():
    model = KNOBBED["lstm with two knobs"]
    np.testing.assert_allclose(knob_settings(model, {"tone": 0.25}), [0.5, 0.25])
    with pytest.raises(ConfigError, match=r"'drive'.*gain, tone"):
        knob_settings(model, {"drive": 0.5})
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            knob_settings(model, {"gain": value})
