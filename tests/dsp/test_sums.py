"""Sums in stretches are the sums that NumPy makes in double precision."""

import jax
import numpy as np
import pytest

from jaxamp.dsp import sums

LENGTHS = [1, 15, 16, 17, 8191]


def signal(length):
    x = np.random.default_rng(0).normal(0.3, 1, (3, 2, length))
    return x.astype(np.float32)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sums.of_examples, lambda x: x.sum(axis=(1, 2))),
        (sums.mean_of_examples, lambda x: x.mean(axis=(1, 2))),
        (sums.of_channels, lambda x: x.sum(axis=(0, 2))),
        (sums.added_up, lambda x: x.sum(axis=(0, 2))),
    ],
)
def test_sums_are_those_of_double_precision(found, expected, length):
    x = signal(length)
    wanted = expected(x.astype(np.float64))
    np.testing.assert_allclose(jax.jit(found)(x), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_stretches_and_what_is_left_over_are_the_signal(length):
    x = signal(length)
    body, rest = sums.folds(x)
    assert rest.shape[-1] < sums.FOLDS
    joined = np.concatenate([body.reshape(*x.shape[:2], -1), rest], axis=-1)
    np.testing.assert_array_equal(joined, x)
