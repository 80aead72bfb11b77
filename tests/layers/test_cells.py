"""The derivatives by hand against those that JAX finds by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.layers import GRU, LSTM
from jaxamp.layers.cells import CHUNK

CELLS = pytest.mark.parametrize(("layer", "parts"), [(LSTM, 2), (GRU, 1)])
HIDDEN = 5


def situation(layer, parts, *, inputs=2, length=70):
    """Parameters, input and state of a layer, and weights for its answers."""
    random = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(0.5 * random.standard_normal(shape), jnp.float32)

    x, state = draw(3, inputs, length), tuple(draw(3, HIDDEN) for _ in range(parts))
    shapes = jax.eval_shape(layer(HIDDEN).init, jax.random.key(0), x, state)
    params = jax.tree.map(lambda leaf: draw(*leaf.shape), shapes)
    return (params, x, state), (draw(3, HIDDEN, length), draw(3, HIDDEN))


def objective(layer, wanted, *, plain=False):
    def score(params, x, state):
        y, end = layer(HIDDEN, plain=plain).apply(params, x, state)
        return jnp.sum(wanted[0] * y) + sum(jnp.sum(wanted[1] * part) for part in end)

    return score


def assert_same(ours, others, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(others), strict=True):
        scale = np.max(np.abs(b))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


@CELLS
@pytest.mark.parametrize("length", [1, 70, 2 * CHUNK])
def test_derivatives_by_hand_are_those_of_the_plain_loop(layer, parts, length):
    given, wanted = situation(layer, parts, length=length)
    ours = jax.jit(jax.grad(objective(layer, wanted), argnums=(0, 1, 2)))(*given)
    plain = objective(layer, wanted, plain=True)
    assert_same(ours, jax.jit(jax.grad(plain, argnums=(0, 1, 2)))(*given))


@CELLS
def test_every_member_of_a_population_learns_as_it_would_alone(layer, parts):
    given, wanted = situation(layer, parts)
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), given[0])
    gradient = jax.grad(objective(layer, wanted))
    together = jax.jit(jax.vmap(gradient, in_axes=(0, None, None)))(members, *given[1:])
    alone = jax.jit(gradient)
    for index in range(2):
        member = jax.tree.map(lambda leaf, index=index: leaf[index], members)
        learned = jax.tree.map(lambda leaf, index=index: leaf[index], together)
        assert_same(learned, alone(member, *given[1:]))


@CELLS
def test_remembering_less_on_the_way_forward_changes_no_derivative(layer, parts):
    given, wanted = situation(layer, parts)
    score = objective(layer, wanted)
    ours = jax.jit(jax.grad(jax.checkpoint(score), argnums=(0, 1, 2)))(*given)
    assert_same(ours, jax.jit(jax.grad(score, argnums=(0, 1, 2)))(*given))


@CELLS
def test_windows_one_at_a_time_have_the_same_derivative(layer, parts):
    given, wanted = situation(layer, parts)

    def one_by_one(params, x, state):
        def play(piece):
            y, end = layer(HIDDEN).apply(
                params, *jax.tree.map(lambda a: a[None], piece)
            )
            return jax.tree.map(lambda a: a[0], (y, end))

        y, end = jax.lax.map(play, (x, state))
        return jnp.sum(wanted[0] * y) + sum(jnp.sum(wanted[1] * part) for part in end)

    ours = jax.jit(jax.grad(one_by_one, argnums=(0, 1, 2)))(*given)
    together = jax.grad(objective(layer, wanted), argnums=(0, 1, 2))
    assert_same(ours, jax.jit(together)(*given))


@CELLS
def test_chunks_one_after_the_other_have_the_same_derivative(layer, parts):
    given, wanted = situation(layer, parts)

    def in_two(params, x, state):
        def play(state, x):
            y, state = layer(HIDDEN).apply(params, x, state)
            return state, y

        halves = jnp.stack(jnp.split(x, 2, axis=2))
        end, y = jax.lax.scan(play, state, halves)
        y = jnp.concatenate(list(y), axis=2)
        return jnp.sum(wanted[0] * y) + sum(jnp.sum(wanted[1] * part) for part in end)

    ours = jax.jit(jax.grad(in_two, argnums=(0, 1, 2)))(*given)
    whole = jax.grad(objective(layer, wanted), argnums=(0, 1, 2))
    assert_same(ours, jax.jit(whole)(*given))


@CELLS
def test_sixteen_bits_give_the_same_derivative_roughly(layer, parts):
    given, wanted = situation(layer, parts, length=20)
    gradient = jax.jit(jax.grad(objective(layer, wanted), argnums=(0, 1, 2)))
    coarse = gradient(*jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), given))
    kinds = {leaf.dtype for leaf in jax.tree.leaves(coarse)}
    assert kinds == {jnp.dtype(jnp.bfloat16)}
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), coarse)
    # eight bits of mantissa, rounded at each of 20 samples
    assert_same(wide, gradient(*given), tolerance=0.1)
