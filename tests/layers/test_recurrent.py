"""LSTM and GRU against the textbook, sample by sample in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.layers import GRU, LSTM


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(p, x, state):
    h, c = state
    y = []
    for t in range(x.shape[2]):
        gates = x[:, :, t] @ p["input_weight"].T + h @ p["recurrent_weight"].T
        i, f, g, o = np.split(gates + p["bias"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        y.append(h)
    return np.stack(y, axis=2), (h, c)


def gru_by_hand(p, x, state):
    (h,) = state
    y = []
    for t in range(x.shape[2]):
        front = x[:, :, t] @ p["input_weight"].T + p["input_bias"]
        back = h @ p["recurrent_weight"].T + p["recurrent_bias"]
        r, z, n = np.split(front, 3, axis=1)
        rb, zb, nb = np.split(back, 3, axis=1)
        z = sigmoid(z + zb)
        h = (1 - z) * np.tanh(n + sigmoid(r + rb) * nb) + z * h
        y.append(h)
    return np.stack(y, axis=2), (h,)


@pytest.mark.parametrize(
    ("layer", "parts", "by_hand"), [(LSTM, 2, lstm_by_hand), (GRU, 1, gru_by_hand)]
)
@pytest.mark.parametrize("inputs", [1, 3])
def test_a_cell_follows_its_equations(layer, parts, by_hand, inputs):
    random = np.random.default_rng(0)
    x = np.float32(random.standard_normal((2, inputs, 40)))
    state = [np.float32(random.standard_normal((2, 5))) for _ in range(parts)]
    given = tuple(map(jnp.asarray, state))
    shapes = jax.eval_shape(layer(5).init, jax.random.key(0), x, given)["params"]
    params = {
        name: np.float32(random.standard_normal(leaf.shape))
        for name, leaf in shapes.items()
    }
    y, end = jax.jit(layer(5).apply)({"params": params}, x, given)
    exact = {name: np.float64(value) for name, value in params.items()}
    expected, last = by_hand(exact, np.float64(x), state)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    for a, b in zip(end, last, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
