"""The gradient of a batch: in parts, cut in time, in half precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import LSTM, WAVENET, batch_of, plain_mse, task

from jaxamp.losses import weighted_sum
from jaxamp.models import recurrent
from jaxamp.train import layers, vector
from jaxamp.train.gradient import from_unknown, mean_gradient

OUTPUTS = 96
BURN_IN = 32

SPECTRAL = weighted_sum(
    terms={
        "mse": {"weight": 1.0},
        "stft": {"weight": 0.1, "pre_emphasis": 0.85, "normalise_by": "batch"},
    }
)
"""One resolution of the recipe's loss, which is a ratio over the whole batch."""


def gradient(task, batch, seed=0):
    params = vector(task.model.init(jax.random.key(seed)))
    loss, _, numbers = jax.jit(lambda p: mean_gradient(task, p, batch, None, None))(
        params
    )
    return loss, layers(task.model, numbers)


def assert_same(one, other, rtol=1e-5):
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(one))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * scale)


def test_windows_one_by_one_have_the_gradient_of_the_whole_batch():
    batch = batch_of(4, WAVENET.receptive_field - 1, 2048)
    whole_loss, whole = gradient(task(loss=SPECTRAL), batch)
    parts_loss, parts = gradient(task(loss=SPECTRAL, microbatch=2), batch)
    np.testing.assert_allclose(parts_loss, whole_loss, rtol=1e-5)
    # The logarithm of quiet bins magnifies rounding: 1.2e-5 was seen with jax 0.12.
    assert_same(parts, whole, rtol=1e-4)


def test_the_gradient_is_the_slope_of_the_loss():
    batch, one = batch_of(2, WAVENET.receptive_field - 1, 64), task()
    params = WAVENET.init(jax.random.key(0))
    _, leaves = gradient(one, batch)
    noise = jax.tree.map(
        lambda p: jax.random.normal(jax.random.key(p.size), p.shape), params
    )

    def loss(distance):
        moved = jax.tree.map(lambda p, n: p + distance * n, params, noise)
        y, _ = WAVENET.apply(moved, batch.input, None, WAVENET.init_state(moved, 2))
        return float(jnp.mean((y - batch.target) ** 2))

    measured = (loss(0.01) - loss(-0.01)) / 0.02
    products = jax.tree.map(lambda g, n: jnp.sum(g * n), leaves, noise)
    computed = sum(map(float, jax.tree.leaves(products)))
    # A difference quotient in single precision is good to about three digits.
    np.testing.assert_allclose(computed, measured, rtol=2e-2)


@pytest.mark.parametrize("chunk", [16, 48, OUTPUTS])
def test_cutting_the_gradient_does_not_change_what_is_played(chunk):
    batch, params = batch_of(2, BURN_IN, OUTPUTS), LSTM.init(jax.random.key(0))
    whole = from_unknown(LSTM, params, batch.input, None, OUTPUTS, None)
    cut = from_unknown(LSTM, params, batch.input, None, OUTPUTS, chunk)
    np.testing.assert_allclose(cut, whole, rtol=0, atol=1e-6)


def test_a_chunk_as_long_as_the_window_cuts_off_the_context_only():
    batch, one = batch_of(2, BURN_IN, OUTPUTS), task(LSTM)
    params = LSTM.init(jax.random.key(0))
    unknown = LSTM.init_state(params, 2)
    _, settled = LSTM.apply(params, batch.input[:, :, :BURN_IN], None, unknown)

    def by_hand(p):  # the state after the context is a constant here
        y, _ = LSTM.apply(p, batch.input[:, :, BURN_IN:], None, settled)
        return jnp.mean((y - batch.target) ** 2)

    _, cut = gradient(task(LSTM, chunk=OUTPUTS), batch)
    assert_same(cut, jax.jit(jax.grad(by_hand))(params))
    _, short = gradient(task(LSTM, chunk=16), batch)
    _, full = gradient(one, batch)
    for other in (short, full):
        with pytest.raises(AssertionError):
            assert_same(cut, other, rtol=1e-4)


def test_a_learned_initial_state_is_learned_without_burn_in_even_when_cut():
    model = recurrent(hidden=[3], learned_state=True)
    _, leaves = gradient(task(model, chunk=16), batch_of(2, 0, OUTPUTS))
    for name in ("initial_h_0", "initial_c_0"):
        assert np.all(np.abs(leaves[name]) > 0), name


@pytest.mark.parametrize("model", [WAVENET, LSTM], ids=["wavenet", "lstm"])
def test_bfloat16_is_used_inside_and_float32_outside(model):
    batch = batch_of(2, max(BURN_IN, model.receptive_field - 1), OUTPUTS)
    exact_loss, exact = gradient(task(model), batch)
    half = task(model, compute_dtype=jnp.bfloat16, loss=plain_mse)
    loss, leaves = gradient(half, batch)
    assert {leaf.dtype for leaf in jax.tree.leaves(leaves)} == {jnp.dtype("float32")}
    assert loss.dtype == jnp.float32
    # Eight bits of mantissa: a part in 256 for each operation.
    np.testing.assert_allclose(loss, exact_loss, rtol=0.05)
    with pytest.raises(AssertionError):
        assert_same(leaves, exact)
    params = vector(model.init(jax.random.key(0)))
    program = str(
        jax.make_jaxpr(lambda p: mean_gradient(half, p, batch, None, None))(params)
    )
    products = [
        line
        for line in program.splitlines()
        if "dot_general[" in line or "conv_general_dilated[" in line
    ]
    assert products
    assert all("bf16[" in line for line in products)
