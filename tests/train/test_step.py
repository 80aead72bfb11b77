"""Steps: what the state remembers, and that compiled calls may be cut anywhere."""

import dataclasses
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import LSTM, MSE, WAVENET, capture, plain_mse, task

from jaxamp.core import warm
from jaxamp.data import windows
from jaxamp.models import wavenet
from jaxamp.train import (
    Optimizer,
    draw,
    kept_params,
    layers,
    like_start,
    pack,
    soap,
    start,
    train_step,
    train_steps,
)
from jaxamp.train.step import STEPS_PER_CALL, heard

BATCH = 2
OUTPUTS = 64


def dataset(context=WAVENET.receptive_field - 1, outputs=OUTPUTS, **options):
    return windows(
        [capture()], context=context, outputs=outputs, batch=BATCH, **options
    )


def advance(task, state, dataset, steps, rate=0.01):
    (state,), (losses,), (healthy,) = advance_all(
        (task,), (state,), dataset, steps, rate
    )
    return state, losses, healthy


def advance_all(tasks, states, dataset, steps, rate=0.01):
    rates = np.full(STEPS_PER_CALL, rate, np.float32)
    copied = jax.tree.map(jnp.copy, states)
    return train_steps(tasks, copied, dataset, rates, jnp.int32(steps), None)


def assert_identical(one, other):
    one, other = pack(one), pack(other)
    assert one.keys() == other.keys()
    for kind in one:
        np.testing.assert_array_equal(one[kind], other[kind])


@pytest.mark.parametrize(
    "one",
    [
        task(),
        task(average_decay=0.9, optimizer=Optimizer(soap, (("refresh_every", 1),))),
        task(LSTM, update_every_chunk=True, chunk=32),
    ],
    ids=["plain", "average and layers", "audio state"],
)
def test_the_shapes_of_a_start_are_known_without_one(one):
    begun = jax.tree.map(lambda a: (a.shape, a.dtype), start(one, 3, BATCH))
    shapes = jax.tree.map(lambda a: (a.shape, a.dtype), like_start(one, BATCH))
    assert jax.tree.leaves(begun) == jax.tree.leaves(shapes)
    assert jax.tree.structure(start(one, 3, BATCH)) == jax.tree.structure(
        like_start(one, BATCH)
    )


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


WIDER = wavenet(arrays=[{"channels": 3, "dilations": [1, 4], "head_size": 1}])


def test_members_side_by_side_end_like_the_same_members_alone():
    clipped = task(WIDER, optimizer=Optimizer(optax.sgd, clip_norm=1e-3))
    tasks, data = (task(), clipped), dataset(sampling="grid")
    states = tuple(start(one, 0, BATCH) for one in tasks)
    together, losses, healthy = advance_all(tasks, states, data, 5)
    assert np.all(healthy)
    for i, one in enumerate(tasks):
        alone, its_losses, _ = advance(one, states[i], data, 5)
        assert_identical(together[i], alone)
        np.testing.assert_array_equal(losses[i], its_losses)


def test_a_member_hears_no_more_context_than_it_needs():
    longer = dataset(context=WAVENET.receptive_field + 9)
    some, all_of_it = task(context=WAVENET.receptive_field - 1), task()
    state = start(some, 0, BATCH)
    batch = draw(longer, state.seed, jnp.int32(0))
    piece, _ = heard(some, state, batch)
    assert piece.input.shape[2] == WAVENET.receptive_field - 1 + OUTPUTS
    np.testing.assert_array_equal(piece.input, batch.input[:, :, 10:])
    np.testing.assert_array_equal(piece.target, batch.target)
    losses = [advance(one, state, longer, 1)[1][0] for one in (some, all_of_it)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_a_member_that_fails_leaves_the_others_alone():
    def fails(prediction, target):  # on the third batch, whatever was learned
        return MSE(prediction, target) / jnp.any(target != third, axis=(1, 2))

    tasks, data = (task(loss=fails), task(WIDER)), dataset()
    states = tuple(start(one, 0, BATCH) for one in tasks)
    third = draw(data, states[0].seed, jnp.int32(2)).target
    ends, losses, healthy = advance_all(tasks, states, data, 6)
    np.testing.assert_array_equal(healthy, [False, True])
    assert [int(end.step) for end in ends] == [2, 6]
    assert_identical(ends[0], advance(task(), states[0], data, 2)[0])
    assert_identical(ends[1], advance(tasks[1], states[1], data, 6)[0])
    assert np.all(np.isnan(losses[0, 3:]))


def test_seeds_rates_and_lengths_share_one_program():
    data = dataset()
    before = train_steps._cache_size()  # pyright: ignore
    for seed, rate, steps in ((0, 0.1, 1), (7, 0.2, 3), (8, 0.3, 2)):
        made_anew = task(
            average_decay=0.125,
            optimizer=Optimizer(optax.adam, (("b1", 0.5),), clip_norm=2.0),
        )
        advance(made_anew, start(made_anew, seed, BATCH), data, steps, rate)
    assert train_steps._cache_size() == before + 1  # pyright: ignore


@pytest.mark.parametrize(
    ("precision", "asked"), [("float32", "HIGHEST"), ("tensorfloat32", "HIGH")]
)
def test_products_are_as_exact_as_the_task_asks(precision, asked):
    def apply(params, x, controls, state):  # asks for nothing by itself
        return jnp.einsum("oi,bit->bot", params["w"], x), state

    def init(key):
        return {"w": jax.random.normal(key, (1, 1))}

    one = task(
        dataclasses.replace(WAVENET, init=init, apply=apply),
        loss=plain_mse,
        matmul_precision=precision,
    )
    batch = dataset().sample(jax.random.key(0), jnp.int32(0))
    made = partial(train_step, one)
    program = str(jax.make_jaxpr(made)(start(one, 0, BATCH), batch, 0.1))
    found = set(re.findall(r"Precision\.(\w+)", program))
    assert found == {asked}


def test_another_seed_is_another_run():
    one, data = task(), dataset()
    runs = [advance(one, start(one, seed, BATCH), data, 2)[0] for seed in (0, 0, 1)]
    assert_identical(runs[0], runs[1])
    with pytest.raises(AssertionError):
        assert_identical(runs[0].params, runs[2].params)


def test_learning_lowers_the_loss():
    one, data = task(), dataset()
    _, losses, _ = advance(one, start(one, 0, BATCH), data, 100, rate=0.02)
    assert np.mean(losses[90:100]) < 0.3 * np.mean(losses[:10])


def test_the_average_is_the_stated_recursion_and_is_what_is_kept():
    decay, one, data = 0.75, task(average_decay=0.75), dataset()
    state = start(one, 0, BATCH)
    expected = pack(state.params)["float32"]
    for _ in range(3):
        state, _, _ = advance(one, state, data, 1)
        expected = decay * expected + (1 - decay) * pack(state.params)["float32"]
    np.testing.assert_allclose(pack(state.average)["float32"], expected, atol=1e-6)
    assert_identical(kept_params(WAVENET, state), layers(WAVENET, state.average))
    assert start(task(), 0, BATCH).average is None


def test_clipping_bounds_the_update_and_keeps_its_direction():
    data = dataset()

    def update(clip_norm):
        one = task(optimizer=Optimizer(optax.sgd, clip_norm=clip_norm))
        state = start(one, 0, BATCH)
        new, _, _ = advance(one, state, data, 1, rate=1.0)
        return pack(new.params)["float32"] - pack(state.params)["float32"]

    free, clipped = update(None), update(1e-3)
    assert np.linalg.norm(free) > 1e-2
    np.testing.assert_allclose(np.linalg.norm(clipped), 1e-3, rtol=1e-2)
    cosine = free @ clipped / np.linalg.norm(free) / np.linalg.norm(clipped)
    np.testing.assert_allclose(cosine, 1, atol=1e-4)


def test_a_loss_that_is_not_finite_stops_before_its_step():
    def loss(prediction, target):  # fails on the third batch, whatever was learned
        return jnp.mean((prediction - target) ** 2, axis=(1, 2)) / jnp.any(
            target != third, axis=(1, 2)
        )

    data = dataset()
    third = draw(data, jnp.uint32(0), jnp.int32(2)).target
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
    one = task(LSTM, chunk=chunk, update_every_chunk=True)
    state = start(one, 0, BATCH)
    params = kept_params(LSTM, state)
    for window in range(2):
        batch = draw(data, state.seed, jnp.int32(window))
        y, end = LSTM.apply(params, batch.input, None, LSTM.init_state(params, BATCH))
        error = (y[:, :, context:] - batch.target) ** 2
        expected = np.mean(error.reshape(BATCH, chunks, chunk), axis=(0, 2))
        state, losses, _ = advance(one, state, data, chunks, rate=0.0)
        np.testing.assert_allclose(losses[:chunks], expected, rtol=1e-4)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.audio, end
        )


def test_each_window_of_chunks_starts_from_its_own_context():
    data = dataset(context=24)
    one = task(LSTM, chunk=16, update_every_chunk=True)
    state = start(one, 0, BATCH)
    state, _, _ = advance(one, state, data, 4)
    batch = draw(data, state.seed, jnp.int32(1))
    piece, audio = heard(one, state, batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        audio,
        warm(LSTM, layers(LSTM, state.params), batch.input[:, :, :24]),
    )
    np.testing.assert_array_equal(piece.target, batch.target[:, :, :16])
