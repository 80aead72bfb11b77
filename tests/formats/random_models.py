"""Models with parameters that mean nothing, for tests that only move them."""

import jax
import jax.numpy as jnp
import numpy as np

UNMEASURED = {"loudness": -20.0, "gain": 0.5}
"""Metadata that spares the tests playing every model."""

BEGINNING = ("longest_memory", "initial_weights", "learned_state")
"""How training begins, which no JSON format holds."""


def draw_params(model, seed=0):
    """Random parameters; faster than `init`, which compiles."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.5 * random.standard_normal(leaf.shape), jnp.float32),
        shapes,
    )


def held(model):
    """What a JSON format holds of a model's description."""
    options = dict(model.hyperparameters)
    described = {key: value for key, value in options.items() if key not in BEGINNING}
    return model.architecture, described


def from_zero(model, params, x, controls=None):
    """What the model plays for x `[t]` from its initial state, as these players do."""
    heard = jnp.asarray(x, jnp.float32)[None, None]
    knobs = None if controls is None else jnp.asarray(controls, jnp.float32)[None]
    state = model.init_state(params, 1)
    if model.rings:  # the players' convolutions have heard zeros, not silence
        state = jax.tree.map(jnp.asarray, zeros_heard(model, params))
    return np.asarray(model.apply(params, heard, knobs, state)[0])[0, 0]


def zeros_heard(model, params):
    """The state of convolutions whose pasts are zeros."""
    x = jax.ShapeDtypeStruct((1, 1, model.warmup + 1), jnp.float32)
    state = model.init_state(params, 1)
    _, full = jax.eval_shape(lambda s, x: model.apply(params, x, None, s), state, x)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), full)


def assert_same(first, second):
    """Bit for bit."""
    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(np.testing.assert_array_equal, first, second)
