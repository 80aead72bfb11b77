"""Knobs that move while a model plays: however it is cut, the whole played at once."""

import functools

import jax
import numpy as np
import pytest
from knobbed import KNOBBED
from tiny import LSTM, noise

from jaxamp.core import ConfigError, silence
from jaxamp.stream import ChangingPlayer, Player, play, process, step
from jaxamp.stream.process import blocks_in_parts, blocks_whole

# The second has pasts in rings, and so will every WaveNet with knobs.
MODELS = ("lstm with two knobs", "convolutions with a knob")
LENGTH, BLOCK, LONGEST = 400, 40, 6
MOVES = slice(130, 210)
SIZES = (1, 70, 64, 0, 2, 100, 61, 32, 70)  # of more than the longest too

COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **more: "backend_compile" in event and COMPILED.append(event)
)


@functools.cache
def drawn(name):
    """A model, its parameters, sound, and knobs `[k, t]` that move for a while."""
    model = KNOBBED[name]
    params = jax.tree.map(lambda leaf: 2 * leaf, model.init(jax.random.key(0)))
    random = np.random.default_rng(1)
    moving = np.full((len(model.controls), LENGTH), 0.2, np.float32)
    moving[:, MOVES] = random.uniform(size=(len(moving), 80))
    moving[:, MOVES.stop :] = 0.9
    return model, params, noise(LENGTH), moving


def programs():
    """How many there are by now."""
    return blocks_in_parts._cache_size() + blocks_whole._cache_size()


@functools.cache
def at_once(name):
    """What the model's own definition answers to all of it."""
    model, params, x, moving = drawn(name)
    state = silence(model, params, 1, moving[None, :, 0])
    y = np.asarray(step(model, params, x, state, moving)[0])
    assert np.abs(y - process(model, params, x, controls=moving[:, 0])).max() > 1e-2
    return y


@pytest.mark.parametrize("name", MODELS)
def test_any_block_plays_the_whole_at_once_by_two_programs_at_most(name):
    model, params, x, moving = drawn(name)
    expected = at_once(name)
    before = programs()
    y = process(model, params, x, block=BLOCK, controls=moving)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    assert programs() <= before + 2
    if name == MODELS[0]:  # in one block too, beside another whose knobs go back
        both = np.stack([moving, moving[:, ::-1]])
        sounds = np.stack([x, x])[:, None]
        played = process(model, params, sounds, block=512, controls=both)
        np.testing.assert_allclose(played[0, 0], expected, rtol=0, atol=1e-5)
        assert np.abs(played[1] - played[0]).max() > 1e-2


def test_pieces_may_be_cut_anywhere_and_are_the_same_to_the_bit():
    model, params, x, moving = drawn(MODELS[0])
    expected = process(model, params, x, block=BLOCK, controls=moving)
    pieces = np.split(x[None, None], [3, 3, 150, 151, 390], axis=2)
    asked = []

    def knobs(start, stop):
        asked.append((start, stop))
        return moving[:, start:stop]

    y = np.concatenate(
        list(play(model, params, pieces, block=BLOCK, controls=knobs)), axis=2
    )
    np.testing.assert_array_equal(y[0, 0], expected)
    assert max(stop for _, stop in asked) == LENGTH, "nothing after the end is asked"


@pytest.mark.parametrize("name", MODELS)
def test_knobs_that_could_move_and_do_not_are_those_that_stand_still(name):
    model, params, x, moving = drawn(name)
    still = moving[:, 0]
    y = process(model, params, x, block=BLOCK, controls=still)
    before = programs()
    moved = np.broadcast_to(still[:, None], moving.shape)
    z = process(model, params, x, block=BLOCK, controls=moved)
    np.testing.assert_array_equal(z, y)
    assert programs() == before


@pytest.mark.parametrize("name", MODELS)
def test_a_player_turns_knobs_from_block_to_block_and_compiles_nothing(name):
    model, params, x, moving = drawn(name)
    start = moving[:, 0]
    player = Player(model, params, block=BLOCK, controls=start, moves=True)
    state, y = player.silence(), []
    COMPILED.clear()
    for at in range(0, LENGTH, BLOCK):
        knobs = moving[:, at : at + BLOCK]
        if at < MOVES.start - BLOCK:
            knobs = None  # as they were
        elif at >= MOVES.stop:
            knobs = knobs[:, 0]
        answer, state = player(x[at : at + BLOCK], state, knobs)
        y.append(np.asarray(answer))
    assert not COMPILED
    np.testing.assert_allclose(np.concatenate(y), at_once(name), rtol=0, atol=1e-5)


def test_so_does_a_player_of_changing_blocks():
    model, params, x, moving = drawn(MODELS[0])
    player = ChangingPlayer(
        model, params, longest=LONGEST, controls=moving[:, 0], moves=True
    )
    state, y, at = player.silence(), [], 0
    COMPILED.clear()
    for size in SIZES:
        knobs = moving[:, at : at + size] if at < MOVES.stop else moving[:, -1]
        answer, state = player(x[at : at + size], state, knobs)
        y.append(answer)
        at += size
    assert not COMPILED
    np.testing.assert_allclose(np.concatenate(y), at_once(MODELS[0]), rtol=0, atol=1e-5)


def test_controls_that_fit_nothing_are_refused():
    model, params, x, moving = drawn(MODELS[0])
    late = moving[:, 1:]
    with pytest.raises(ConfigError, match=r"or for knobs that move \[2, 400\]"):
        process(model, params, x, controls=late)
    with pytest.raises(ConfigError, match=r"samples 0 to 1 have the shape \(1, 1\)"):
        process(model, params, x, controls=lambda start, stop: moving[:1, start:stop])
    player = Player(model, params, block=BLOCK)
    with pytest.raises(ConfigError, match="moves=True"):
        player(x[:BLOCK], player.silence(), moving[:, :BLOCK])
    with pytest.raises(ConfigError, match="no knobs"):
        ChangingPlayer(LSTM, LSTM.init(jax.random.key(0)), moves=True)
    assert process(model, params, x[:0], controls=moving[:, :0]).shape == (0,)
