"""Optimisers that Optax does not have."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxamp.train import muon, soap
from jaxamp.train.soap import LARGEST_SIDE


def gradients(shape, steps=7):
    random = np.random.default_rng(3)
    return [np.asarray(random.normal(size=shape), np.float32) for _ in range(steps)]


def moved(optimizer, shape, given):
    """What each gradient moves."""
    params = {"weight": jnp.zeros(shape)}
    state, steps = jax.jit(optimizer.init)(params), []
    update = jax.jit(optimizer.update)
    for gradient in given:
        updates, state = update({"weight": gradient}, state, params)
        steps.append(np.asarray(updates["weight"]))
    return steps


def by_the_book(given, b1, b2, decay, refresh_every):
    """SOAP of one matrix in double precision."""
    rows, columns = given[0].shape
    left, right = np.zeros((rows, rows)), np.zeros((columns, columns))
    q_left, q_right = np.eye(rows), np.eye(columns)
    mean = square = np.zeros_like(given[0], np.float64)
    for count, g in enumerate(np.float64(given), start=1):
        mean = b1 * mean + (1 - b1) * g
        square = b2 * square + (1 - b2) * (q_left.T @ g @ q_right) ** 2
        turned = q_left.T @ (mean / (1 - b1**count)) @ q_right
        step = turned / np.sqrt(square / (1 - b2**count))
        yield -0.01 * q_left @ step @ q_right.T
        left = decay * left + (1 - decay) * g @ g.T
        right = decay * right + (1 - decay) * g.T @ g
        if count == 1 or count % refresh_every == 0:
            q_left = np.linalg.qr(left @ q_left)[0]
            q_right = np.linalg.qr(right @ q_right)[0]


@pytest.mark.parametrize("shape", [(4, 4), (6, 2, 3)])
def test_soap_is_adam_in_the_eigenbasis(shape):
    """Of square matrices, because others have no single basis after one gradient."""
    optimizer = soap(0.01, b1=0.8, b2=0.9, basis_decay=0.7, refresh_every=2)
    given = gradients(shape)
    flat = [gradient.reshape(shape[0], -1) for gradient in given]
    expected = by_the_book(flat, 0.8, 0.9, 0.7, 2)
    for step, right in zip(moved(optimizer, shape, given), expected, strict=True):
        np.testing.assert_allclose(step.reshape(right.shape), right, atol=2e-6)


@pytest.mark.parametrize("shape", [(6,), (5, 1), (1, LARGEST_SIDE + 1)])
def test_soap_is_adam_where_there_is_nothing_to_turn(shape):
    given = gradients(shape)
    one = moved(soap(0.01, b1=0.9, b2=0.95, refresh_every=1), shape, given)
    other = moved(optax.adam(0.01, b1=0.9, b2=0.95), shape, given)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_soap_turns_the_short_side_of_a_long_matrix_alone():
    shape = (3, LARGEST_SIDE + 1)
    optimizer = soap(0.01, refresh_every=1)
    (state, *_) = optimizer.init({"weight": jnp.zeros(shape)})
    (group,) = state.groups.values()
    assert group.rows.axes.shape == (1, 3, 3)
    assert group.columns.axes is None
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    given = [
        np.float32(turn @ np.diag([1, 0.1, 0.01]) @ g) for g in gradients(shape, 40)
    ]

    def unevenness(optimizer):
        sizes = np.linalg.svd(moved(optimizer, shape, given)[-1], compute_uv=False)
        return sizes.max() / sizes.min()

    assert 5 * unevenness(optimizer) < unevenness(optax.adam(0.01))


@pytest.mark.parametrize("every", [0, 2.5, None])
def test_soap_wants_whole_steps_between_looks(every):
    with pytest.raises(ValueError, match="refresh_every"):
        soap(0.01, refresh_every=every)


def test_soap_stays_finite_where_nothing_is_learned():
    for step in moved(soap(0.01, refresh_every=1), (3, 4), [np.zeros((3, 4))] * 3):
        np.testing.assert_array_equal(step, np.zeros((3, 4)))


def test_soap_shrinks_weights_apart_from_the_gradient():
    optimizer = soap(0.1, weight_decay=0.5)
    params = {"weight": jnp.full((2, 2), 4.0)}
    updates, _ = optimizer.update(
        {"weight": jnp.zeros((2, 2))}, optimizer.init(params), params
    )
    np.testing.assert_allclose(updates["weight"], np.full((2, 2), -0.1 * 0.5 * 4.0))


def test_soap_descends_a_slanted_valley_faster_than_adam():
    """Two stiff and two soft directions, none of them along an axis."""
    random = np.random.default_rng(5)
    turn = np.linalg.qr(random.normal(size=(4, 4)))[0]
    curvature = jnp.asarray(turn @ np.diag([100, 100, 0.1, 0.1]) @ turn.T, jnp.float32)
    start = jnp.asarray(random.normal(size=(4, 3)), jnp.float32)

    def loss(weight):
        return jnp.trace(weight.T @ curvature @ weight)

    def after(optimizer):
        def step(_, carry):
            weight, state = carry
            updates, state = optimizer.update(jax.grad(loss)(weight), state, weight)
            return optax.apply_updates(weight, updates), state

        weight, _ = jax.lax.fori_loop(0, 300, step, (start, optimizer.init(start)))
        return float(loss(weight))

    assert after(soap(0.02)) < 0.1 * after(optax.adam(0.02, b1=0.95, b2=0.95))


def test_muon_moves_kernels_alike_in_every_direction_and_biases_like_nadam():
    params = {"weight": jnp.zeros((4, 2, 3)), "bias": jnp.zeros(4)}
    gradient = {
        "weight": gradients((4, 2, 3))[0] * np.geomspace(1e-3, 1, 4)[:, None, None],
        "bias": gradients((4,))[0],
    }
    optimizer = muon(0.01)
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    sizes = np.linalg.svd(np.reshape(updates["weight"], (4, 6)), compute_uv=False)
    assert sizes.max() < 2 * sizes.min()
    rms = np.sqrt(np.mean(np.square(updates["weight"])))
    assert rms == pytest.approx(0.2 * 0.01, rel=0.3)
    given = np.linalg.svd(gradient["weight"].reshape(4, 6), compute_uv=False)
    assert given.max() > 100 * given.min()
    (bias,) = moved(optax.nadam(0.01), (4,), [gradient["bias"]])
    np.testing.assert_allclose(updates["bias"], bias, rtol=1e-5)
