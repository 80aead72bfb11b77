"""LSTM and GRU whose gates the knobs turn, sample by sample.

As in `cells`, but what the state adds to the gates depends on where the knobs stand.
The way back needs no formula of its own for that: the loop asks JAX what the voices did
through one sample's gates, and the weights' share is found for many samples at once.

A cell is `((x [t, b, i], moving), (weights, resting), state) -> (y [t, b, hidden],
state)`, time first. One of `moving` and `resting` is a `Turn` whose parts are
`[t, b, rows]` or `[b, rows]`, the other None.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.cells import (
    State,
    gru_retreat,
    gru_step,
    lstm_retreat,
    lstm_step,
    product,
    shifted,
)
from jaxamp.layers.knobs import Turn


class Directions(NamedTuple):
    """In which ways the weights of a layer may change: up times down."""

    up: Array
    """`[rows, rank]`"""
    of_input: Array
    """`[rank, inputs]`"""
    of_state: Array
    """`[rank, hidden]`"""


class Weights(NamedTuple):
    """Of one layer; rows that lead to a sigmoid are halved, as in `cells`."""

    of_input: Array
    bias: Array
    of_state: Array
    state_bias: Array | None
    """Of a GRU only."""
    directions: Directions | None


class Across(NamedTuple):
    """What decides how the state reaches the gates, the same for all samples."""

    weight: Array
    bias: Array | None
    directions: Directions | None
    resting: Any
    """A `Turn`, where the knobs rest."""


def driven(x: Array, weights: Weights, turn: Turn) -> Array:
    """What the input adds to the gates `[t, b, rows]`."""
    y = product(x, weights.of_input.T) + weights.bias
    if turn.scale is not None:
        y = y * turn.scale
    if weights.directions is not None and turn.strengths is not None:
        up, down, _ = weights.directions
        y = y + product(product(x, down.T) * turn.strengths, up.T)
    return y + turn.shift


def back(across: Across, moving: Turn | None, h: Array) -> Array:
    """What the state adds to the gates; h `[b, hidden]`, or `[t, b, hidden]`."""
    turn: Turn = across.resting if moving is None else moving
    y = product(h, across.weight.T)
    if across.bias is not None:
        y = y + across.bias
    if turn.scale is not None:
        y = y * turn.scale
    if across.directions is not None and turn.strengths is not None:
        up, _, down = across.directions
        y = y + product(product(h, down.T) * turn.strengths, up.T)
    return y


def of_state(across: Across, like: Array):
    """What h did through `back`, as a function of what its answer did and the turn."""

    def through(dy: Array, moving: Turn | None) -> Array:
        _, pull = jax.vjp(partial(back, across, moving), jnp.zeros_like(like))
        return pull(dy)[0]

    return through


def cell(loop: Any, x: Any, weights: Any, state: State) -> tuple[Array, State]:
    """A loop as a cell of its weights."""
    (x, moving), (own, resting) = x, weights
    across = Across(own.of_state, own.state_bias, own.directions, resting)
    turn = resting if moving is None else moving
    return loop(driven(x, own, turn), across, moving, state)


def plain_lstm_loop(
    driven: Array, across: Across, moving: Turn | None, state: State
) -> tuple[Array, State]:
    """The LSTM, sample after sample."""
    y, _, end = lstm_voices(driven, across, moving, state)
    return y, end


def lstm_voices(driven: Array, across: Across, moving: Turn | None, state: State):
    """What the LSTM plays, its cells, and the state after it."""

    def advance(state: State, now: Any) -> tuple[State, State]:
        driven, turn = now
        state = lstm_step(driven + back(across, turn, state[0]), state[1])
        return state, state

    end, (y, cells) = jax.lax.scan(advance, state, (driven, moving))
    return y, cells, end


def lstm_forward(driven: Array, across: Across, moving: Turn | None, state: State):
    y, cells, end = lstm_voices(driven, across, moving, state)
    return (y, end), (driven, across, moving, state, y, cells)


def lstm_backward(kept, wanted):
    driven, across, moving, (h, c), y, cells = kept
    h_before = shifted(h, y)
    added, pull = jax.vjp(lambda a, m: back(a, m, h_before), across, moving)
    gates = jnp.tanh(driven + added)
    through = of_state(across, h)
    dgates, first = lstm_retreat(
        gates, shifted(c, cells), cells, wanted, through, moving
    )
    return dgates, *pull(dgates), first


lstm_loop = jax.custom_vjp(plain_lstm_loop)
lstm_loop.defvjp(lstm_forward, lstm_backward)


def plain_gru_loop(
    driven: Array, across: Across, moving: Turn | None, state: State
) -> tuple[Array, State]:
    """The GRU, sample after sample."""
    y, _, end = gru_voices(driven, across, moving, state)
    return y, end


def gru_voices(driven: Array, across: Across, moving: Turn | None, state: State):
    """What the GRU plays, the new part of it, and the state after it."""

    def advance(state: State, now: Any) -> tuple[State, Array]:
        driven, turn = now
        return gru_step(driven, back(across, turn, state[0]), state[0])

    end, voices = jax.lax.scan(advance, state, (driven, moving))
    return voices[:, :, 0], voices[:, :, 1], end


def gru_forward(driven: Array, across: Across, moving: Turn | None, state: State):
    y, n, end = gru_voices(driven, across, moving, state)
    return (y, end), (driven, across, moving, state, y, n)


def gru_backward(kept, wanted):
    driven, across, moving, (h,), y, n = kept
    h_before = shifted(h, y)
    added, pull = jax.vjp(lambda a, m: back(a, m, h_before), across, moving)
    gates = jnp.tanh(driven + added)  # the new part's is not used
    through = of_state(across, h)
    dgates, dback, first = gru_retreat(
        gates, added, h_before, n, wanted, through, moving
    )
    return dgates, *pull(dback), first


gru_loop = jax.custom_vjp(plain_gru_loop)
gru_loop.defvjp(gru_forward, gru_backward)

turned_lstm, plain_turned_lstm = (
    partial(cell, lstm_loop),
    partial(cell, plain_lstm_loop),
)
turned_gru, plain_turned_gru = partial(cell, gru_loop), partial(cell, plain_gru_loop)
