"""Losses that compare sample by sample."""

import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.dsp import filters

EXAMPLE = (-2, -1)
"""Axes of one example: channel and time."""


def mse(
    prediction: Array, target: Array, *, pre_emphasis: float | None = None
) -> Array:
    """Mean squared error: loud passages and low notes decide.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    error = filters.pre_emphasis(prediction - target, pre_emphasis)
    return jnp.mean(error**2, axis=EXAMPLE)


def mae(prediction: Array, target: Array) -> Array:
    """Mean absolute error: kinder to single large mistakes than the squared one.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    return jnp.mean(jnp.abs(prediction - target), axis=EXAMPLE)


def log_cosh(prediction: Array, target: Array) -> Array:
    """Half the squared error where it is small, the absolute error where it is large.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    size = jnp.abs(prediction - target)
    # |d| + log1p(exp(-2|d|)) - log 2, arranged so that small errors keep their digits.
    return jnp.mean(size + jnp.log1p(jnp.expm1(-2 * size) / 2), axis=EXAMPLE)


def esr(
    prediction: Array,
    target: Array,
    *,
    pre_emphasis: float | None = None,
    floor: float = 1e-8,
) -> Array:
    """Error-to-signal ratio: the energy of the mistake over the energy of the target.

    0 is perfect, 1 is as wrong as silence. One ratio per example; average them
    yourself, and say so where you print it (other tools take one ratio per batch).

    Args:
        pre_emphasis: Coefficient of the treble tilt given to both first, or None.
        floor: Energy added to the target's so that silence cannot divide by zero,
            in full-scale squared times samples.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`

    Source:
        Wright et al. 2020, Applied Sciences 10(3):766.
    """
    error = filters.pre_emphasis(prediction - target, pre_emphasis)
    signal = filters.pre_emphasis(target, pre_emphasis)
    energy = jnp.sum(signal**2, axis=EXAMPLE) + floor
    return jnp.sum(error**2, axis=EXAMPLE) / energy


def dc(prediction: Array, target: Array, *, floor: float = 1e-8) -> Array:
    """The squared offset of the mistake, against the power of the target.

    Pre-emphasis makes ESR deaf to an offset; this is what listens for one.

    Args:
        floor: Energy added to the target's, as in `esr`.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`

    Source:
        Wright et al. 2020, Applied Sciences 10(3):766.
    """
    offset = jnp.mean(target - prediction, axis=EXAMPLE)
    samples = target.shape[-2] * target.shape[-1]
    energy = jnp.sum(target**2, axis=EXAMPLE) + floor
    return offset**2 * samples / energy
