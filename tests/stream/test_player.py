"""The fast player plays what the model's own definition plays, block after block."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import LSTM, WAVENET, noise

from jaxamp.core import ConfigError, silence
from jaxamp.models import convnet, linear, wavenet
from jaxamp.stream import Player, step

BENT = wavenet(
    arrays=[
        {
            "channels": 3,
            "dilations": [1, 13, 41, 7],
            "kernel_size": [6, 15, 6, 2],
            "activation": "Tanh",
            "head_size": 1,
            "head_kernel_size": 16,
            "head_bias": True,
        }
    ]
)
MODELS = {
    "WaveNet": WAVENET,
    "WaveNet of many kernels": BENT,
    "ConvNet": convnet(channels=4, dilations=[1, 2, 4, 64], activation="Tanh"),
    "Linear": linear(receptive_field=20),
    "Linear by FFT": linear(receptive_field=300),
    "LSTM": LSTM,
}


def by_definition(model, params, x):
    """The model's own definition on the whole signal, with pasts and no rings."""
    batch = x.shape[0] if x.ndim == 3 else 1
    return np.asarray(step(model, params, x, silence(model, params, batch))[0])


def played(player, x):
    """The signal through the player, block by block."""
    state, answers = player.silence(), []
    for start in range(0, x.shape[-1], player.block):
        y, state = player(x[..., start : start + player.block], state)
        answers.append(np.asarray(y))
    return np.concatenate(answers, axis=-1)


@pytest.mark.parametrize("block", [1, 16, 64])
@pytest.mark.parametrize("name", MODELS)
def test_blocks_through_the_player_are_the_file_played_at_once(name, block):
    model, x = MODELS[name], noise(block * 40)
    params = model.init(jax.random.key(1))
    expected = by_definition(model, params, x)
    assert np.abs(expected).max() > 1e-3
    y = played(Player(model, params, block=block), x)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


WIDE = wavenet(arrays=[{"channels": 16, "dilations": [1, 70], "head_size": 1}])


@pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="kernels of one piece are for CPUs"
)
def test_what_is_faster_in_one_kernel_is_one():
    whole = {
        (name, block): Player(
            model, model.init(jax.random.key(1)), block=block
        )._layout.whole
        for name, model in (MODELS | {"wide": WIDE}).items()
        for block in (16, 200)
    }
    in_parts = {("Linear by FFT", 16), ("Linear by FFT", 200), ("wide", 200)}
    assert {place for place, one in whole.items() if not one} == in_parts


@pytest.mark.parametrize("block", [16, 200])
def test_many_channels_are_played_alike_in_one_kernel_and_in_parts(block):
    params, x = WIDE.init(jax.random.key(5)), noise(block * 6)
    y = played(Player(WIDE, params, block=block), x)
    np.testing.assert_allclose(y, by_definition(WIDE, params, x), rtol=0, atol=1e-5)


def test_signals_side_by_side_do_not_hear_each_other():
    x = np.stack([noise(640), 0.3 * noise(640)[::-1]])[:, None]
    params = BENT.init(jax.random.key(2))
    both = played(Player(BENT, params, block=64, batch=2), x)
    for signal, y in zip(x, both, strict=True):
        alone = by_definition(BENT, params, signal[0])
        np.testing.assert_allclose(y[0], alone, rtol=0, atol=1e-5)


def test_a_ring_goes_round_without_a_seam():
    params = BENT.init(jax.random.key(3))
    player = Player(BENT, params, block=16)
    rounds = max(place.blocks for place in player._layout.places.values())
    x = noise(16 * (3 * rounds + 5))
    expected = by_definition(BENT, params, x)
    np.testing.assert_allclose(played(player, x), expected, rtol=0, atol=1e-5)


def test_the_count_of_blocks_wraps_around_unheard():
    params = BENT.init(jax.random.key(4))
    player, x = Player(BENT, params, block=16), noise(16 * 40)
    state, late = player.silence(), player.silence()
    near_the_end = jnp.asarray(2**32 - 32, jnp.uint32)  # whole rounds before the wrap
    late = dataclasses.replace(late, turn=near_the_end)
    for block in x.reshape(-1, 16):
        y, state = player(block, state)
        z, late = player(block, late)
        np.testing.assert_array_equal(y, z)
    assert int(late.turn) < 32


def test_the_state_is_a_handful_of_arrays():
    params = BENT.init(jax.random.key(5))
    assert len(jax.tree.leaves(Player(BENT, params, block=16).silence())) <= 5


@pytest.mark.parametrize(
    "block", [np.zeros(63, np.float32), np.zeros(64, int), 3.0, [0.0]]
)
def test_a_wrong_block_is_refused_and_the_state_is_not_used_up(block):
    params = WAVENET.init(jax.random.key(0))
    player = Player(WAVENET, params, block=64)
    state = player.silence()
    with pytest.raises(ConfigError, match=r"takes float32 of shape \(64,\)"):
        player(block, state)
    player(np.zeros(64, np.float32), state)


@pytest.mark.parametrize("wrong", [{"block": 0}, {"block": -1}, {"batch": 0}])
def test_a_player_of_nothing_is_refused(wrong):
    with pytest.raises(ConfigError, match="must be 1 or more"):
        Player(WAVENET, WAVENET.init(jax.random.key(0)), **wrong)
