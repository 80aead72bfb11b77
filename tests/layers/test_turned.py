"""Cells whose gates the knobs turn: derivatives by hand against JAX's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from knobbed import KINDS

from jaxamp.core import check_conditioning
from jaxamp.layers import GRU, LSTM
from jaxamp.layers.cells import CHUNK

HIDDEN, TOLD = 3, 4
ALL = pytest.mark.parametrize(
    ("layer", "parts", "kind", "moving"),
    [
        (LSTM, 2, "film", False),
        (GRU, 1, "hyper", True),
    ],
)


@ALL
def test_derivatives_by_hand_are_those_of_the_plain_loop(layer, parts, kind, moving):
    conditioning = check_conditioning(KINDS[kind])
    random = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(0.5 * random.standard_normal(shape), jnp.float32)

    length = 2 * CHUNK
    x, told = draw(2, 1, length), draw(2, TOLD, length if moving else 1)
    state = tuple(draw(2, HIDDEN) for _ in range(parts))
    wanted, at_end = draw(2, HIDDEN, length), draw(2, HIDDEN)
    layers = [
        layer(HIDDEN, plain=plain, conditioning=conditioning) for plain in (False, True)
    ]
    shapes = jax.eval_shape(layers[0].init, jax.random.key(0), x, state, told)
    params = jax.tree.map(lambda leaf: draw(*leaf.shape), shapes)

    def learned(one):
        def score(params, x, told, state):
            y, end = one.apply(params, x, state, told)
            return jnp.sum(wanted * y) + sum(jnp.sum(at_end * part) for part in end)

        gradient = jax.jit(jax.value_and_grad(score, argnums=(0, 1, 2, 3)))
        return jax.tree.leaves(gradient(params, x, told, state))

    for ours, plain in zip(*map(learned, layers), strict=True):
        scale = np.max(np.abs(plain))
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-5 * scale)
        assert scale > 1e-4, "what does not matter proves nothing"
