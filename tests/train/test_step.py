"""Steps: what the state remembers, and that compiled calls may be cut anywhere."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import LSTM, WAVENET, capture, task

from jaxamp.core import warm
from jaxamp.data import windows
from jaxamp.train import kept_params, pack, start, train_step, train_steps
from jaxamp.train.step import STEPS_PER_CALL, heard

BATCH = 2
OUTPUTS = 64


def dataset(context=WAVENET.receptive_field - 1, outputs=OUTPUTS, **options):
    return windows(
        [capture()], context=context, outputs=outputs, batch=BATCH, **options
    )


def advance(task, state, dataset, steps):
    return train_steps(task, jax.tree.map(jnp.copy, state), dataset, jnp.int32(steps))


def assert_identical(one, other):
    one, other = pack(one), pack(other)
    assert one.keys() == other.keys()
    for kind in one:
        np.testing.assert_array_equal(one[kind], other[kind])


def test_any_partition_into_compiled_calls_gives_the_same_bits():
    one, data = task(average_decay=0.9), dataset()
    state = start(one, 0, BATCH)
    whole, losses, healthy = advance(one, state, data, 9)
    assert bool(healthy)
    assert int(whole.step) == 9
    assert np.count_nonzero(np.isfinite(losses)) == 9
    assert losses.shape == (STEPS_PER_CALL,)
    for partition in ((1,) * 9, (4, 5), (8, 0, 1)):
        cut, pieces = state, []
        for steps in partition:
            cut, some, _ = advance(one, cut, data, steps)
            pieces.append(some[:steps])
        assert_identical(cut, whole)
        np.testing.assert_array_equal(np.concatenate(pieces), losses[:9])


def test_another_seed_is_another_run():
    one, data = task(), dataset()
    runs = [advance(one, start(one, seed, BATCH), data, 2)[0] for seed in (0, 0, 1)]
    assert_identical(runs[0], runs[1])
    with pytest.raises(AssertionError):
        assert_identical(runs[0].params, runs[2].params)


def test_learning_lowers_the_loss():
    one, data = task(learning_rate=0.02), dataset()
    _, losses, _ = advance(one, start(one, 0, BATCH), data, 100)
    assert np.mean(losses[90:100]) < 0.3 * np.mean(losses[:10])


def test_the_average_is_the_stated_recursion_and_is_what_is_kept():
    decay, one, data = 0.75, task(average_decay=0.75), dataset()
    state = start(one, 0, BATCH)
    expected = pack(state.params)["float32"]
    for _ in range(3):
        state, _, _ = advance(one, state, data, 1)
        expected = decay * expected + (1 - decay) * pack(state.params)["float32"]
    np.testing.assert_allclose(pack(state.average)["float32"], expected, atol=1e-6)
    assert kept_params(state) is state.average
    assert start(task(), 0, BATCH).average is None


def test_clipping_bounds_the_update_and_keeps_its_direction():
    def update(*parts):
        one = task(optimizer=optax.chain(*parts, optax.sgd(1.0)))
        state = start(one, 0, BATCH)
        new, _, _ = jax.jit(lambda s: train_step(one, s, dataset()))(state)
        return pack(new.params)["float32"] - pack(state.params)["float32"]

    free, clipped = update(), update(optax.clip_by_global_norm(1e-3))
    assert np.linalg.norm(free) > 1e-2
    np.testing.assert_allclose(np.linalg.norm(clipped), 1e-3, rtol=1e-2)
    cosine = free @ clipped / np.linalg.norm(free) / np.linalg.norm(clipped)
    np.testing.assert_allclose(cosine, 1, atol=1e-4)


def test_a_loss_that_is_not_finite_stops_before_its_step():
    def loss(prediction, target):  # fails on the third batch, whatever was learned
        return jnp.mean((prediction - target) ** 2, axis=(1, 2)) / jnp.any(
            target != third, axis=(1, 2)
        )

    data, calm = dataset(), task()
    at_third = dataclasses.replace(start(calm, 0, BATCH), step=jnp.int32(2))
    third = heard(calm, at_third, data)[0].target
    one = task(loss=loss)
    two, _, fine = advance(one, start(one, 0, BATCH), data, 2)
    assert bool(fine)
    stopped, losses, healthy = advance(one, start(one, 0, BATCH), data, 10)
    assert not bool(healthy)
    assert int(stopped.step) == 2
    assert_identical(stopped, two)
    assert np.all(np.isfinite(losses[:2]))
    assert not np.any(np.isfinite(losses[2:]))


def test_updates_every_chunk_carry_the_sound_from_step_to_step():
    chunk, chunks, context = 16, 4, 24
    data = dataset(context=context)
    one = task(LSTM, learning_rate=0.0, chunk=chunk, update_every_chunk=True)
    state = start(one, 0, BATCH)
    params = jax.tree.map(jnp.copy, state.params)
    key = jax.random.fold_in(jax.random.key(state.seed), 1)
    for window in range(2):
        batch = data.sample(key, jnp.int32(window))
        y, end = LSTM.apply(params, batch.input, None, LSTM.init_state(params, BATCH))
        error = (y[:, :, context:] - batch.target) ** 2
        expected = np.mean(error.reshape(BATCH, chunks, chunk), axis=(0, 2))
        state, losses, _ = advance(one, state, data, chunks)
        np.testing.assert_allclose(losses[:chunks], expected, rtol=1e-4)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.audio, end
        )


def test_each_window_of_chunks_starts_from_its_own_context():
    data = dataset(context=24)
    one = task(LSTM, chunk=16, update_every_chunk=True)
    state = start(one, 0, BATCH)
    state, _, _ = advance(one, state, data, 4)
    piece, audio = heard(one, state, data)
    key = jax.random.fold_in(jax.random.key(state.seed), 1)
    batch = data.sample(key, jnp.int32(1))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        audio,
        warm(LSTM, state.params, batch.input[:, :, :24]),
    )
    np.testing.assert_array_equal(piece.target, batch.target[:, :, :16])
