"""Sums in stretches are the sums that NumPy makes in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.dsp import sums

LENGTHS = [1, 7, 16, 17, 8190, 8191, 8192]


def signal(length, seed=0):
    x = np.random.default_rng(seed).normal(0.3, 1, (3, 2, length))
    return x.astype(np.float32)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sums.of_examples, lambda x: x.sum(axis=(1, 2))),
        (sums.mean_of_examples, lambda x: x.mean(axis=(1, 2))),
        (sums.of_channels, lambda x: x.sum(axis=(0, 2))),
    ],
)
def test_sums_are_those_of_double_precision(found, expected, length):
    x = signal(length)
    wanted = expected(x.astype(np.float64))
    np.testing.assert_allclose(jax.jit(found)(x), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", LENGTHS)
def test_products_are_folded_and_added_up(batch, length):
    x, y = signal(length)[:batch], signal(length, seed=1)[:batch]
    found = jax.jit(lambda x, y: sums.of_batch(sums.folded(x, y)))(x, y)
    wanted = np.sum(x.astype(np.float64) * y, axis=(0, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-3)


def test_each_sample_counts_for_the_sum_of_its_example():
    x = signal(37)
    weights = jnp.asarray([2.0, -1.0, 0.5])
    slope = jax.grad(lambda x: jnp.sum(weights * sums.of_examples(x)))(x)
    expected = np.broadcast_to(np.asarray(weights)[:, None, None], x.shape)
    np.testing.assert_array_equal(slope, expected)


@pytest.mark.parametrize("length", [8192, 8190, 5280, 4096 + 1024])
def test_windows_as_trained_leave_nothing_over(length):
    assert length % sums.stretches(length) == 0
    assert sums.FEWEST <= sums.stretches(length) <= sums.MOST


def test_a_prime_length_is_cut_and_a_rest_left():
    body, rest = sums.folded(signal(8191))
    assert body.shape == (3, 2, 8191 // sums.STRETCHES)
    assert rest is not None
    assert rest.shape == (3, 2)
