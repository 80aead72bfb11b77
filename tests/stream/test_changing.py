"""Blocks of changing length through one program; soaks of a fraction of a second."""

import functools
import io

import jax
import numpy as np
import pytest
from test_player import by_definition
from tiny import LSTM, WAVENET, noise

import jaxamp
from jaxamp.core import ConfigError
from jaxamp.models import recurrent
from jaxamp.stream import ChangingPlayer, Player, process

GRU = recurrent(hidden=[3], cell="GRU", skip=False)
MODELS = {"WaveNet": WAVENET, "LSTM": LSTM, "GRU": GRU}
LONGEST = 130
SIZES = (1, 130, 64, 0, 2, 127, 61, 300, 3, 31, 129, 7, 63, 64, 65, 13)
SMALLEST_NORMAL = np.finfo(np.float32).tiny


@functools.cache
def prepared(name):
    """A model, a player of each kind, and its parameters; recurrent: without biases."""
    model = MODELS[name]
    params = model.init(jax.random.key(6))
    if name != "WaveNet":
        params = jax.tree_util.tree_map_with_path(
            lambda path, leaf: leaf * ("bias" not in jax.tree_util.keystr(path)), params
        )
    changing = None
    if name != "GRU":  # spares a program; it is in experiments/018_soak
        changing = ChangingPlayer(model, params, longest=LONGEST)
    return model, Player(model, params, block=64), changing, params


@pytest.fixture(params=["WaveNet", "LSTM"])
def pair(request):
    """The same, of each model."""
    return prepared(request.param)


def played(player, state, x, sizes):
    """The signal cut into sizes, again and again until it ends; state and answer."""
    answers, at, turn = [], 0, 0
    while at < len(x):
        size = sizes[turn % len(sizes)]
        y, state = player(x[at : at + size], state)
        answers.append(np.asarray(y))
        at, turn = at + size, turn + 1
    return state, np.concatenate(answers)


def soaking(seed=0):
    """Loud playing, silence, a tail down to the smallest number, less than that."""
    tail = np.exp(np.linspace(0, -103, 4096))
    parts = [
        noise(1024, seed, level=4.0),
        np.zeros(2048, np.float32),
        (noise(4096, seed) * tail).astype(np.float32),
        np.float32(1e-40) * noise(1024, seed),
        noise(1024, seed) + np.float32(0.5),
    ]
    return np.concatenate(parts)


def test_blocks_of_any_length_are_the_file_played_at_once(pair):
    model, _, changing, params = pair
    x = noise(3 * sum(SIZES))
    _, y = played(changing, changing.silence(), x, SIZES)
    expected = by_definition(model, params, x)
    assert np.abs(expected).max() > 1e-3
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


def test_silence_and_the_smallest_numbers_are_played_like_the_file(pair):
    model, player, changing, params = pair
    x = soaking()
    expected = process(model, params, x)
    assert np.all(np.isfinite(expected))
    for one, sizes in ((player, (64,)), (changing, SIZES)):
        before = one.silence()
        state, y = played(one, before, x, sizes)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
        first, last = (
            [leaf.shape for leaf in jax.tree.leaves(s)] for s in (one.silence(), state)
        )
        assert first == last


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_no_number_of_a_state_is_so_small_that_it_is_slow(name):
    """XLA takes what is below the smallest normal number for zero."""
    player = prepared(name)[1]
    state, least = player.silence(), np.inf
    for block in soaking().reshape(-1, 64):
        _, state = player(block, state)
        for leaf in jax.tree.leaves(state):
            size = np.abs(np.asarray(leaf, np.float32))
            least = min(least, size[size > 0].min(initial=np.inf))
            assert not np.any((size > 0) & (size < SMALLEST_NORMAL))
    assert least < 1e-30  # it came near


def test_a_state_kept_as_bytes_is_gone_on_with_to_the_bit(pair):
    model, player, changing, params = pair
    x = soaking(seed=1)
    others = (
        Player(model, params, block=64),
        ChangingPlayer(model, params, longest=LONGEST),
    )
    for one, other, sizes in zip(
        (player, changing), others, ((64,), SIZES), strict=True
    ):
        state, _ = played(one, one.silence(), x[:4096], sizes)
        kept = io.BytesIO()
        for leaf in jax.tree.leaves(state):
            np.save(kept, np.asarray(leaf), allow_pickle=False)
        _, y = played(one, state, x[4096:], sizes)
        kept.seek(0)
        leaves, tree = jax.tree.flatten(other.silence())
        read = [jax.numpy.array(np.load(kept, allow_pickle=False)) for _ in leaves]
        _, again = played(other, jax.tree.unflatten(tree, read), x[4096:], sizes)
        np.testing.assert_array_equal(again, y)


COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **more: "backend_compile" in event and COMPILED.append(event)
)


def test_nothing_is_compiled_while_lengths_change(pair):
    model, _, changing, _ = pair
    state = changing.silence()
    _, state = changing(noise(1), state)
    COMPILED.clear()
    for size in range(1, 2 * LONGEST, 3):
        _, state = changing(noise(size), state)
    assert not COMPILED
    jax.jit(lambda x: 2 * x + id(model) % 997)(1.0)
    assert COMPILED, "it would have been seen"


def test_signals_side_by_side_do_not_hear_each_other():
    model, _, _, params = prepared("LSTM")
    both = ChangingPlayer(model, params, batch=2, longest=1)
    x = np.stack([noise(20), 0.3 * noise(20)[::-1]])[:, None]
    y, _ = both(x, both.silence())
    assert y.shape == x.shape
    for signal, answer in zip(x, y, strict=True):
        expected = process(model, params, signal)
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("block", [np.zeros(64, int), 3.0, np.zeros((1, 64)), ["a"]])
def test_a_wrong_block_is_refused_and_the_state_is_not_used_up(pair, block):
    _, _, changing, _ = pair
    state = changing.silence()
    with pytest.raises(ConfigError, match=r"takes float32 of shape \('?t'?,\)"):
        changing(block, state)
    changing(np.zeros(64, np.float32), state)


@pytest.mark.parametrize("wrong", [{"longest": 0}, {"batch": 0}])
def test_a_player_of_nothing_is_refused(wrong):
    with pytest.raises(ConfigError, match="must be 1 or more"):
        ChangingPlayer(LSTM, LSTM.init(jax.random.key(0)), **wrong)


def test_the_package_offers_the_same_player():
    assert jaxamp.ChangingPlayer is ChangingPlayer
