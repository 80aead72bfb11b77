"""Weights are what JAX draws, whichever program draws them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.layers import Pointwise, fan_in_uniform
from jaxamp.layers.drawn import AT_ONCE, many


@pytest.mark.parametrize("shape", [(), (1,), (4, 4, 3), (AT_ONCE,), (AT_ONCE + 1,)])
def test_one_program_draws_what_one_for_each_shape_would(shape):
    draw, key, bound = fan_in_uniform(12), jax.random.key(7), 12**-0.5
    wanted = jax.random.uniform(key, shape, jnp.float32, -bound, bound)
    np.testing.assert_array_equal(draw(key, shape), wanted)
    traced = jax.jit(lambda key: draw(key, shape))(key)
    np.testing.assert_allclose(traced, wanted, rtol=0, atol=1e-7)
    keys = jax.random.split(key, 2)
    both = jax.vmap(lambda key: draw(key, shape))(keys)
    np.testing.assert_allclose(both[1], draw(keys[1], shape), rtol=0, atol=1e-7)


def test_no_shape_is_a_program_of_its_own():
    fan_in_uniform(3)(jax.random.key(0), (2,))
    before = many._cache_size()  # pyright: ignore[reportFunctionMemberAccess]
    for size in range(3, 9):
        fan_in_uniform(size)(jax.random.key(0), (size, 2))
    assert many._cache_size() == before  # pyright: ignore[reportFunctionMemberAccess]


def test_a_parameter_of_another_shape_is_named():
    layer, x = Pointwise(3, name="mixer"), jnp.zeros((1, 2, 5))
    params = layer.init(jax.random.key(0), x)["params"]
    params["weight"] = params["weight"][:, :1]
    with pytest.raises(
        ValueError, match=r"mixer.weight is \(3, 1, 1\), not \(3, 2, 1\)"
    ):
        layer.apply({"params": params}, x)
