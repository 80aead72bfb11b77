"""Parameters end to end, and optimisers that want them layer by layer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import WAVENET, batch_of, task

from jaxamp.core import Model
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
    both = jnp.stack([numbers, 2 * numbers])
    slopes = jax.jit(jax.vmap(jax.grad(energy)))(both)
    np.testing.assert_allclose(slopes, 2 * weights * both, rtol=1e-6)


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


def matrix_init(key):
    """Matrices, a vector, a number and a short kernel, of several layers."""
    shapes = {"bias": (5,), "kernel": (3, 5, 2), "square": (4, 4), "gain": ()}
    return {
        layer: {
            name: jax.random.normal(jax.random.fold_in(key, 4 * i + j), shape)
            for j, (name, shape) in enumerate(shapes.items())
        }
        for i, layer in enumerate(("first", "second"))
    }


def matrix_apply(params, x, controls, state):
    """Something that depends on every parameter in another way, compiled at once."""
    scale = sum(
        jnp.sum(jnp.sin(leaf * (i + 1 + jnp.arange(leaf.size).reshape(leaf.shape))))
        for i, leaf in enumerate(jax.tree.leaves(params))
    )
    return jnp.tanh(scale * x), state


MATRICES = Model(
    architecture="Matrices",
    hyperparameters={},
    sample_rate=48_000,
    receptive_field=1,
    warmup=0,
    latency=0,
    macs_per_sample=1,
    init=matrix_init,
    init_state=lambda params, batch: (),
    apply=matrix_apply,
)


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
    one, batch = task(MATRICES, optimizer=optimizer), batch_of(2, 0, 64)
    state = start(one, 0, 2)
    params = begun = kept_params(MATRICES, state)
    memory = jax.jit(optimizer(0.01).init)(params)

    @jax.jit
    def reference(params, memory):
        _, _, gradient = mean_gradient(one, vector(params), batch, None, None)
        gradient = layers(MATRICES, gradient)
        updates, memory = optimizer(0.01).update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory

    for _ in range(2):
        state, _, healthy = jax.jit(train_step, static_argnums=0)(
            one, state, batch, jnp.float32(0.01)
        )
        params, memory = reference(params, memory)
        assert healthy
    # Compiled together they differ in rounding; a step is of the order of 0.01.
    same(kept_params(MATRICES, state), params, atol=1e-5)
    assert jnp.max(jnp.abs(vector(params) - vector(begun))) > 1e-3
