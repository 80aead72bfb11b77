"""Sums over many samples.

Adding up along the samples is what processors do worst, and XLA compiles it for a CPU
as a tree of small programs. So a signal is cut into a few stretches, which are first
added up side by side, sample by sample; the sums of these are products with ones.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxamp.core import Array

STRETCHES = 16
"""How many a signal is cut into, if others do not leave less over."""

FEWEST, MOST = 8, 32
"""How many they may be; of more, XLA makes a tree of sums again."""

EXACT = jax.lax.Precision.HIGHEST
"""Sums do not follow `matmul_precision`: they are products with ones by accident."""


class Folded(NamedTuple):
    """A signal `[..., t]` whose stretches are added up."""

    body: Array
    """`[..., s]`"""
    rest: Array | None
    """The sum of the few samples left over `[...]`; None where there are none."""


def folded(*factors: Array) -> Folded:
    """The product of all factors `[..., t]`, folded."""
    length = factors[0].shape[-1]
    count = stretches(length)
    whole = length - length % count
    cut = [f[..., :whole].reshape(*f.shape[:-1], count, -1) for f in factors]
    body = jnp.sum(multiplied(*cut), axis=-2)
    if whole == length:
        return Folded(body, None)
    rest = multiplied(*(f[..., whole:] for f in factors))
    return Folded(body, jnp.sum(rest, axis=-1))


def stretches(length: int) -> int:
    """How many a signal is cut into: so many that nothing is left, if it can be."""
    equal = [n for n in range(FEWEST, MOST + 1) if length % n == 0]
    return min(equal, key=lambda n: abs(n - STRETCHES), default=STRETCHES)


def multiplied(first: Array, *others: Array) -> Array:
    """The product of all."""
    for other in others:
        first = first * other
    return first


def of_each(signal: Folded) -> Array:
    """The sum of each signal: `[...]`."""
    ones = jnp.ones(signal.body.shape[-1], signal.body.dtype)
    total = jnp.matmul(signal.body, ones, precision=EXACT)
    return total if signal.rest is None else total + signal.rest


def of_batch(signal: Folded) -> Array:
    """The sum over the batch, too, of folded signals `[b, ..., t]`: `[...]`."""
    if signal.body.shape[0] == 1:
        alone: Folded = jax.tree.map(lambda part: part[0], signal)
        return of_each(alone)
    return jnp.sum(of_each(signal), axis=0)


def plain_of_examples(x: Array) -> Array:
    """The sum of each example of x `[b, ...]`: `[b]`."""
    return of_each(folded(x.reshape(x.shape[0], -1)))


# Its derivative is one number for each example, which JAX would send through the folds.
of_examples = jax.custom_vjp(plain_of_examples)
of_examples.defvjp(
    lambda x: (plain_of_examples(x), x.shape),
    lambda shape, y: (everywhere(y, shape),),
)


def everywhere(y: Array, shape: tuple[int, ...]) -> Array:
    """Each of y `[b]` at every place of its example: `[b, ...]`."""
    return jnp.broadcast_to(y.reshape(-1, *[1] * (len(shape) - 1)), shape)


def mean_of_examples(x: Array) -> Array:
    """The mean of each example of x `[b, ...]`: `[b]`."""
    return of_examples(x) / (x.size // x.shape[0])


def of_channels(x: Array) -> Array:
    """The sum of each channel of x `[b, c, t]`: `[c]`."""
    return of_batch(folded(x))
