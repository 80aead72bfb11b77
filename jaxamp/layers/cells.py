"""The recurrences of LSTM and GRU, with their derivatives by hand.

A recurrence cannot look ahead, so its loop must do as little as possible for each
sample. Forwards, one tanh goes over all gates at once: XLA keeps it whole and
vectorises it, while sigmoids written out are merged with the sums behind them into a
loop over single numbers. For that the gates arrive halved where a sigmoid follows,
because sigmoid(2x) = 0.5 tanh(x) + 0.5 (see `halved`). Backwards, everything that
does not wait for a later sample is done for many samples at once, outside the loop.

Milliseconds, as sigmoids differentiated by JAX / as here / `torch.nn.LSTM`, measured
in turn on two otherwise idle cores with AVX-512: a training step on 16 windows of 8,192
samples in NAM's recipe, burn-in 4,096, chunks of 512, LSTM 1x16 55 / 31 / 70 to 119,
3x18 225 / 94 / 194 to 343 (NAM's own step, whose loss covers the burn-in too); the
stack 64-64-1 on 16 windows of 5,280 457 / 213 / 315. One second of sound on one core,
LSTM 1x40 31 / 13 / 32, 1x16 14 / 7 / 12; GRU 1x40 28 / 11.
Tried and not kept: the carry laid out `[hidden, b]` (half as slow again), unrolling by
2 and 4, keeping the gates for the way back (a tenth to a quarter slower).

A cell is `(x [t, b, i], weights, state) -> (y [t, b, hidden], state)`, time first.
Each has a `plain_` twin, differentiated by JAX itself; the two agree to 1e-5, and only
the plain one knows forward-mode derivatives (`jax.jvp`, `jax.linearize`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.precision import precision

Weights = tuple[Array, ...]
State = tuple[Array, ...]
Cell = Callable[[Array, Weights, State], tuple[Array, State]]

CHUNK = 128
"""Samples whose gates are computed together. The stack 64-64-1 learns 1.5 times as
fast as with all 5,280 at once; 64 and 512 are a tenth slower than 128 and 256."""

FEWEST = 32
"""Chunks shorter than this are not worth a loop of their own."""


def halved(weights: Weights, factors: Sequence[float]) -> Weights:
    """The weights and biases with the rows of each gate times its factor."""
    rows = weights[0].shape[0] // len(factors)
    factor = jnp.repeat(jnp.asarray(factors, weights[0].dtype), rows)
    return tuple(one * factor.reshape(-1, *[1] * (one.ndim - 1)) for one in weights)


def in_chunks(cell: Any, x: Any, weights: Any, state: State):
    """The same as the cell on all of x, in memory that stays in the cache.

    Args:
        x: Time first, or a tree of such.
    """
    length = jax.tree.leaves(x)[0].shape[0]
    chunk = max(n for n in range(1, min(CHUNK, max(length, 1)) + 1) if length % n == 0)
    if chunk in (1, length) or chunk < FEWEST:
        return cell(x, weights, state)

    def play(state: State, x: Any) -> tuple[State, Array]:
        y, state = cell(x, weights, state)
        return state, y

    chunks = jax.tree.map(lambda a: a.reshape(-1, chunk, *a.shape[1:]), x)
    state, y = jax.lax.scan(play, state, chunks)
    return y.reshape(length, *y.shape[2:]), state


def plain_lstm(x: Array, weights: Weights, state: State) -> tuple[Array, State]:
    """The LSTM, sample after sample.

    Args:
        weights: Of the input, the bias, and of the state; gate order input, forget,
            cell, output, all but the cell's halved.
        state: h, c
    """
    weight, bias, recurrent = weights
    across = recurrent.T

    def advance(state: State, driven: Array) -> tuple[State, Array]:
        state = lstm_step(driven + product(state[0], across), state[1])
        return state, state[0]

    state, y = jax.lax.scan(advance, state, product(x, weight.T) + bias)
    return y, state


def lstm_step(gates: Array, c: Array) -> State:
    """One sample, from what the gates add up to."""
    i, f, g, o = jnp.split(jnp.tanh(gates), 4, axis=1)
    c = (0.5 * f + 0.5) * c + (0.5 * i + 0.5) * g
    return (0.5 * o + 0.5) * jnp.tanh(c), c


def lstm_forward(x: Array, weights: Weights, state: State):
    """The same, with what the way back needs: the cells, but not the gates."""
    weight, bias, recurrent = weights
    across = recurrent.T

    def advance(state: State, driven: Array) -> tuple[State, State]:
        state = lstm_step(driven + product(state[0], across), state[1])
        return state, state

    end, (y, cells) = jax.lax.scan(advance, state, product(x, weight.T) + bias)
    return (y, end), (x, weights, state, y, cells)


def lstm_backward(kept, wanted):
    """What input, weights and first state did to the loss."""
    x, (weight, bias, recurrent), (h, c), y, cells = kept
    h_before, c_before = shifted(h, y), shifted(c, cells)
    gates = jnp.tanh(product(x, weight.T) + bias + product(h_before, recurrent.T))

    def back(dgates: Array, _: None) -> Array:
        return product(dgates, recurrent)

    dgates, first = lstm_retreat(gates, c_before, cells, wanted, back)
    dbias = jnp.sum(dgates, axis=(0, 1))
    dweights = weight_gradient(dgates, x), dbias, weight_gradient(dgates, h_before)
    return product(dgates, weight), dweights, first


def lstm_retreat(
    gates: Array,
    c_before: Array,
    cells: Array,
    wanted: tuple[Array, State],
    back: Callable[[Array, Any], Array],
    turns: Any = None,
) -> tuple[Array, State]:
    """What the gates did to the loss, and the first state.

    Args:
        back: What the hidden voices did through the gates, given what the gates did,
            and the turn of the sample.
        turns: Of each sample, time first; None where all samples are alike.
    """
    dy, (dh, dc) = wanted
    i, f, g, o = jnp.split(gates, 4, axis=2)
    i, f, o, heard = 0.5 * i + 0.5, 0.5 * f + 0.5, 0.5 * o + 0.5, jnp.tanh(cells)
    # twice, because the gates are halved
    of_i, of_f, of_o = (2 * gate * (1 - gate) for gate in (i, f, o))
    slopes = [of_i * g, of_f * c_before, i * (1 - g * g), of_o * heard]
    c_of_h = o * (1 - heard * heard)

    def retreat(carry: State, now: tuple[Any, ...]) -> tuple[State, Array]:
        dh, dc = carry
        slopes, f, dy_before, c_of_h_before, turn = now
        # stacked, for concatenated gates are filled number by number
        dgates = slopes * jnp.stack([dc, dc, dc, dh], axis=1)
        dgates = dgates.reshape(dh.shape[0], -1)
        dh = back(dgates, turn) + dy_before
        return (dh, dc * f + dh * c_of_h_before), dgates

    dh = dh + dy[-1]
    last = (dh, dc + dh * c_of_h[-1])
    before = shifted(jnp.zeros_like(dh), dy), shifted(jnp.zeros_like(dc), c_of_h)
    gone = (jnp.stack(slopes, axis=2), f, *before, turns)
    first, dgates = jax.lax.scan(retreat, last, gone, reverse=True)
    return dgates, first


lstm = jax.custom_vjp(plain_lstm)
lstm.defvjp(lstm_forward, lstm_backward)


def plain_gru(x: Array, weights: Weights, state: State) -> tuple[Array, State]:
    """The GRU, sample after sample.

    Args:
        weights: Of the input, its bias, of the state, its bias; gate order reset,
            update, new, all but the new one's halved.
        state: h
    """
    y, _, end = gru_voices(x, weights, state)
    return y, end


def gru_voices(x: Array, weights: Weights, state: State) -> tuple[Array, Array, State]:
    """What the GRU plays, the new part of it, and the state after it."""
    weight, bias, recurrent, recurrent_bias = weights
    across = recurrent.T

    def advance(state: State, driven: Array) -> tuple[State, Array]:
        return gru_step(driven, product(state[0], across) + recurrent_bias, state[0])

    end, voices = jax.lax.scan(advance, state, product(x, weight.T) + bias)
    return voices[:, :, 0], voices[:, :, 1], end


def gru_step(driven: Array, back: Array, h: Array) -> tuple[State, Array]:
    """One sample, from what the input and the state before add up to."""
    size = 2 * h.shape[1]
    r, z = jnp.split(jnp.tanh(driven[:, :size] + back[:, :size]), 2, axis=1)
    n = jnp.tanh(driven[:, size:] + (0.5 * r + 0.5) * back[:, size:])
    h = n + (0.5 * z + 0.5) * (h - n)
    # n is needed on the way back only, but what is used twice stays vectorised
    return (h,), jnp.stack([h, n], axis=1)


def gru_forward(x: Array, weights: Weights, state: State):
    """The same, with what the way back needs."""
    y, n, end = gru_voices(x, weights, state)
    return (y, end), (x, weights, state, y, n)


def gru_backward(kept, wanted):
    """What input, weights and first state did to the loss."""
    x, (weight, bias, recurrent, recurrent_bias), (h,), y, n = kept
    h_before = shifted(h, y)
    back = product(h_before, recurrent.T) + recurrent_bias
    gates = jnp.tanh(product(x, weight.T) + bias + back)

    def through(dback: Array, _: None) -> Array:
        return product(dback, recurrent)

    dgates, dback, first = gru_retreat(gates, back, h_before, n, wanted, through)
    dweights = (
        weight_gradient(dgates, x),
        jnp.sum(dgates, axis=(0, 1)),
        weight_gradient(dback, h_before),
        jnp.sum(dback, axis=(0, 1)),
    )
    return product(dgates, weight), dweights, first


def gru_retreat(
    gates: Array,
    back: Array,
    h_before: Array,
    n: Array,
    wanted: tuple[Array, State],
    through: Callable[[Array, Any], Array],
    turns: Any = None,
) -> tuple[Array, Array, State]:
    """What the gates' sums of the input and of the state did, and the first state.

    Args:
        through: What the hidden voices did through the sums of the state, given what
            these did, and the turn of the sample.
        turns: Of each sample, time first; None where all samples are alike.
    """
    dy, (dh,) = wanted
    r, z, _ = jnp.split(0.5 * gates + 0.5, 3, axis=2)
    back_n = jnp.split(back, 3, axis=2)[2]
    of_n = (1 - z) * (1 - n * n)
    # twice, because the gates are halved
    of_r, of_z = of_n * back_n * 2 * r * (1 - r), (h_before - n) * 2 * z * (1 - z)
    slopes = jnp.stack([of_r, of_z, of_n * r], axis=2)

    def retreat(dh: Array, now: tuple[Any, ...]) -> tuple[Array, Array]:
        slopes, z, dy_before, turn = now
        dback = (slopes * dh[:, None]).reshape(dh.shape[0], -1)
        return through(dback, turn) + dh * z + dy_before, dh

    before, last = shifted(jnp.zeros_like(dh), dy), dh + dy[-1]
    gone = (slopes, z, before, turns)
    first, dh = jax.lax.scan(retreat, last, gone, reverse=True)
    dback = (slopes * dh[:, :, None]).reshape(*dh.shape[:2], -1)
    size = 2 * h_before.shape[2]
    dgates = jnp.concatenate([dback[:, :, :size], of_n * dh], axis=2)
    return dgates, dback, (first,)


gru = jax.custom_vjp(plain_gru)
gru.defvjp(gru_forward, gru_backward)


def product(x: Array, weight: Array) -> Array:
    """The last axis of x through a matrix."""
    return jnp.dot(x, weight, precision=precision())


def shifted(first: Array, x: Array) -> Array:
    """x `[t, …]` one sample later, behind `first`."""
    return jnp.concatenate([first[None], x[:-1]])


def weight_gradient(dy: Array, x: Array) -> Array:
    """The gradient of w in y `[t, b, o]` = w `[o, i]` applied to x `[t, b, i]`.

    One product over all samples; with the two sides exchanged it takes almost twice as
    long (64 inputs, 256 outputs).
    """
    flat = product(x.reshape(-1, x.shape[2]).T, dy.reshape(-1, dy.shape[2]))
    return flat.T
