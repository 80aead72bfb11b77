"""Small linear filters whose coefficients may change with every sample.

A filter is held as by how much its state changes, not as what it becomes: at audio
rates the slow poles of a circuit lie so near to 1 that single precision would round
their distance from it, and with it the lowest frequencies, away.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxamp.core import Array


class StateSpace(NamedTuple):
    """z' = z + change z + entry x, y = exit z + through x, for each sample.

    Shapes, the last axis 1 for a filter that rests, and b 1 for one that all share:
        change `[n, n, b, t]`, entry `[n, b, t]`, exit `[n, b, t]`, through `[b, t]`
    """

    change: Array
    entry: Array
    exit: Array
    through: Array


def filtered(x: Array, by: StateSpace, state: Array) -> tuple[Array, Array]:
    """The sound through the filter.

    Only what waits for the sample before it is in a loop; the loop lies time first,
    batch last. Milliseconds for 8,192 samples of three states, one signal and 16, on
    one core: so 0.12 and 0.76; batch before states 0.12 and 0.92; each state an array
    of its own 0.16 and 4.3; an associative scan 0.48 and 5.5; in blocks of 64 by
    powers of the matrix 0.19 and 2.8, for filters that rest. Coefficients of each
    sample's own cost no more.

    Shapes:
        x `[b, t]`, state `[b, n]` -> y `[b, t]`, state
    """
    order, batch = by.change.shape[0], x.shape[0]
    change = jnp.broadcast_to(
        by.change, (order, order, batch, by.change.shape[3])
    ).transpose(3, 0, 1, 2)
    driven = (by.entry * x).transpose(2, 0, 1)
    if change.shape[0] == 1:
        before, end = states(change[0], driven, state.T)
    else:
        before, end = states(change, driven, state.T)
    y = jnp.sum(by.exit * before.transpose(1, 2, 0), axis=0) + by.through * x
    return y, end.T


@jax.custom_vjp
def states(change: Array, driven: Array, first: Array) -> tuple[Array, Array]:
    """The state before each sample, and the one after the last.

    Shapes:
        change `[n, n, b]` or `[t, n, n, b]`, driven `[t, n, b]`, first `[n, b]`
        -> `[t, n, b]`, `[n, b]`
    """
    return walked(change, driven, first)


def walked(
    change: Array, driven: Array, first: Array, *, reverse: bool = False
) -> tuple[Array, Array]:
    """The same, from either end."""
    rests = change.ndim == 3

    def advance(z: Array, now: tuple[Array | None, Array]) -> tuple[Array, Array]:
        own, push = now
        by = change if own is None else own
        return z + (jnp.sum(by * z[None], axis=1) + push), z

    over = (None if rests else change, driven)
    end, before = jax.lax.scan(advance, first, over, reverse=reverse)
    return before, end


def forward(change: Array, driven: Array, first: Array):
    """The same, with what the way back needs."""
    before, end = walked(change, driven, first)
    return (before, end), (change, before)


def backward(kept, wanted):
    """What coefficients, drive and first state did to the loss: the loop once more.

    Backwards, the same loop runs through the transposed filter, pushed by the
    derivatives; JAX's own loop would add up those of the coefficients as it goes.
    """
    change, before = kept
    across = jnp.swapaxes(change, -3, -2)
    ddriven, dfirst = walked(across, wanted[0], wanted[1], reverse=True)
    pairs = "tib,tjb->ijb" if change.ndim == 3 else "tib,tjb->tijb"
    exact = jax.lax.Precision.HIGHEST
    dchange = jnp.einsum(pairs, ddriven, before, precision=exact)
    return dchange, ddriven, dfirst


states.defvjp(forward, backward)
