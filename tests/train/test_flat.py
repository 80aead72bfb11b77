"""Parameters end to end, and optimisers that want them layer by layer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import WAVENET, batch_of, task

from jaxamp.train import (
    Optimizer,
    adam_l2,
    kept_params,
    layers,
    muon,
    named,
    soap,
    start,
    train_step,
    vector,
)
from jaxamp.train.gradient import mean_gradient
from jaxamp.train.optimizers import ELEMENTWISE


def same(one, other, atol=0.0):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), one, other)


def matrices(params):
    """Which parameters decay."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_end_to_end_and_back_is_the_same(kind):
    params = WAVENET.init(jax.random.key(0))
    numbers = vector(params)
    assert numbers.shape == (sum(leaf.size for leaf in jax.tree.leaves(params)),)
    same(layers(WAVENET, kind(numbers)), params)


def test_the_gradient_of_parts_is_that_of_the_whole():
    numbers = vector(WAVENET.init(jax.random.key(0)))

    def energy(numbers):
        parts = jax.tree.leaves(layers(WAVENET, numbers))
        return sum(jnp.sum((i + 1) * part**2) for i, part in enumerate(parts))

    sizes = [part.size for part in jax.tree.leaves(layers(WAVENET, numbers))]
    weights = np.repeat(np.arange(len(sizes)) + 1.0, sizes)
    for way in (jax.grad(energy), jax.jit(jax.grad(energy))):
        np.testing.assert_allclose(way(numbers), 2 * weights * numbers, rtol=1e-6)
    both = jnp.stack([numbers, 2 * numbers])
    np.testing.assert_allclose(
        jax.vmap(jax.grad(energy))(both), 2 * weights * both, rtol=1e-6
    )


def test_what_is_kept_is_a_copy_of_the_state():
    state = start(task(), 0, 2)
    kept = kept_params(WAVENET, state)
    before = np.array(state.params)
    state.params.delete()
    np.testing.assert_array_equal(vector(kept), before)


def test_what_a_training_takes_stands_where_it_was_and_the_rest_is_drawn():
    drawn = named(layers(WAVENET, start(task(), 3, 2).params))
    taken = {"array_0.head.weight": np.full((1, 2, 1), 7.0, np.float32)}
    state = start(task(average_decay=0.5), 3, 2, taken)
    for numbers in (state.params, state.average):
        same(named(layers(WAVENET, numbers)), drawn | taken)


def label(optimizer):
    """The same in every process, unlike what Python calls a function."""
    function, options = optimizer.function, [key for key, _ in optimizer.options]
    if isinstance(function, functools.partial):
        function, options = function.func, [*options, *function.keywords]
    clip = ["clipped"] * (optimizer.clip_norm is not None)
    where = [function.__module__.split(".")[0], function.__name__]
    return "-".join([*where, *options, *clip])


@pytest.mark.parametrize(
    "optimizer",
    [
        *sorted((Optimizer(function) for function in ELEMENTWISE), key=label),
        Optimizer(optax.adam, clip_norm=1e-2),
        Optimizer(adam_l2, (("weight_decay", 0.1),)),
        Optimizer(optax.adamw, (("weight_decay", 0.1), ("mask", matrices))),
        Optimizer(optax.lamb),
        Optimizer(optax.adafactor, (("min_dim_size_to_factor", 2),)),
        Optimizer(optax.contrib.muon),
        Optimizer(muon),
        Optimizer(soap, (("refresh_every", 1),)),
    ],
    ids=label,
)
def test_a_step_is_the_one_optax_makes_of_the_layers(optimizer):
    one = task(optimizer=optimizer)
    batch = batch_of(2, WAVENET.receptive_field - 1, 64)
    state = start(one, 0, 2)
    params = kept_params(WAVENET, state)
    memory = optimizer(0.01).init(params)
    reference = jax.jit(optimizer(0.01).update)
    for _ in range(2):
        _, _, gradient = mean_gradient(one, vector(params), batch, None, None)
        state, _, healthy = train_step(one, state, batch, jnp.float32(0.01))
        updates, memory = reference(layers(WAVENET, gradient), memory, params)
        params = optax.apply_updates(params, updates)
        assert healthy
    # Compiled together they differ in rounding; a step is of the order of 0.01.
    same(kept_params(WAVENET, state), params, atol=1e-5)
