"""Models with parameters that mean nothing, for tests that only move them."""

import jax
import jax.numpy as jnp
import numpy as np

UNMEASURED = {"loudness": -20.0, "gain": 0.5}
"""Metadata that spares the tests playing every model."""


def draw_params(model, seed=0):
    """Random parameters; faster than `init`, which compiles."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.5 * random.standard_normal(leaf.shape), jnp.float32),
        shapes,
    )
