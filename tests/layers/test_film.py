"""FiLM at points that are known without running it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.layers import FiLM

X = jnp.asarray([[[1.0, 2.0], [3.0, 4.0]]])
CONDITION = jnp.asarray([[[0.5, -1.0], [2.0, 0.0]]])


@pytest.mark.parametrize("shift", [True, False])
def test_it_begins_as_no_change(shift):
    film = FiLM(shift)
    params = film.init(jax.random.key(0), X, CONDITION)
    np.testing.assert_array_equal(film.apply(params, X, CONDITION), X)


def test_scales_come_before_shifts():
    weight = jnp.asarray([[1.0, 0], [0, 1], [0, 0], [2, 0]])[:, :, None]
    params = {"params": {"weight": weight, "bias": jnp.asarray([0.0, 1, 7, 0])}}
    y = FiLM().apply(params, X, CONDITION)
    scale = np.asarray([[0.5, -1.0], [3.0, 1.0]])
    shift = np.asarray([[7.0, 7.0], [1.0, -2.0]])
    np.testing.assert_allclose(y[0], X[0] * scale + shift)


def test_groups_hear_their_own_conditions():
    weight = jnp.ones((2, 1, 1))
    params = {"params": {"weight": weight, "bias": jnp.zeros(2)}}
    y = FiLM(shift=False, groups=2).apply(params, X, CONDITION)
    np.testing.assert_allclose(y, X * CONDITION)
