"""Sums over many samples.

Adding up along the samples is what processors do worst, and XLA compiles it for a CPU
as a tree of small programs. So a signal is cut into a few stretches, which are first
added up side by side, sample by sample.
"""

import jax
import jax.numpy as jnp

from jaxamp.core import Array

FOLDS = 16
"""Stretches that a signal is cut into; XLA makes a tree of more than 32."""

EXACT = jax.lax.Precision.HIGHEST
"""Sums do not follow `matmul_precision`: they are products with ones by accident."""


def of_examples(x: Array) -> Array:
    """The sum of each example of x `[b, ...]`: `[b]`."""
    body, rest = folds(x.reshape(x.shape[0], -1))
    ones = jnp.ones(body.shape[-1], x.dtype)
    folded = jnp.einsum("bt,t->b", jnp.sum(body, axis=1), ones, precision=EXACT)
    return folded + jnp.sum(rest, axis=1)


def mean_of_examples(x: Array) -> Array:
    """The mean of each example of x `[b, ...]`: `[b]`."""
    return of_examples(x) / (x.size // x.shape[0])


def of_channels(x: Array) -> Array:
    """The sum of each channel of x `[b, c, t]`: `[c]`."""
    body, rest = folds(x)
    return added_up(jnp.sum(body, axis=2)) + jnp.sum(rest, axis=(0, 2))


def folds(x: Array) -> tuple[Array, Array]:
    """x `[..., t]` in stretches `[..., FOLDS, s]`, and the few samples left over."""
    length = x.shape[-1] // FOLDS
    body, rest = jnp.split(x, [FOLDS * length], axis=-1)
    return body.reshape(*x.shape[:-1], FOLDS, length), rest


def added_up(x: Array) -> Array:
    """The sum over the first axis and the last of x `[b, ..., t]`: `[...]`."""
    ones = jnp.ones(x.shape[-1], x.dtype)
    return jnp.einsum("b...t,t->...", x, ones, precision=EXACT)
