"""Losses that compare sample by sample."""

import jax.numpy as jnp

from jaxamp.core import Array, ConfigError
from jaxamp.dsp import filters, sums

NORMALISATIONS = ("batch", "example")


def by_batch(normalise_by: str) -> bool:
    """Whether a ratio is taken over the whole batch, and not for each example.

    Raises:
        ConfigError: It is neither.
    """
    if normalise_by not in NORMALISATIONS:
        raise ConfigError(
            f"normalise_by={normalise_by!r} is not known. Known are: "
            f"{', '.join(NORMALISATIONS)}."
        )
    return normalise_by == "batch"


def mse(
    prediction: Array, target: Array, *, pre_emphasis: float | None = None
) -> Array:
    """Mean squared error: loud passages and low notes decide.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    error = filters.pre_emphasis(prediction - target, pre_emphasis)
    return sums.mean_of_examples(error**2)


def mae(prediction: Array, target: Array) -> Array:
    """Mean absolute error: kinder to single large mistakes than the squared one.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    return sums.mean_of_examples(jnp.abs(prediction - target))


def log_cosh(prediction: Array, target: Array) -> Array:
    """Half the squared error where it is small, the absolute error where it is large.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    size = jnp.abs(prediction - target)
    # |d| + log1p(exp(-2|d|)) - log 2, arranged so that small errors keep their digits.
    return sums.mean_of_examples(size + jnp.log1p(jnp.expm1(-2 * size) / 2))


def esr(
    prediction: Array,
    target: Array,
    *,
    pre_emphasis: float | None = None,
    normalise_by: str = "example",
    floor: float = 1e-8,
) -> Array:
    """Error-to-signal ratio: the energy of the mistake over the energy of the target.

    0 is perfect, 1 is as wrong as silence. One ratio per example; average them
    yourself, and say so where you print it (other tools take one ratio per batch).

    Args:
        pre_emphasis: Coefficient of the treble tilt given to both first, or None.
        normalise_by: The energy each mistake is held against: its own `example`'s,
            so that quiet ones count as much as loud ones, or the mean of the
            `batch`'s: the squared error, made independent of the level, of which
            only the mean over the batch is a ratio of 0 to 1.
        floor: Energy added to the target's so that silence cannot divide by zero,
            in full-scale squared times samples.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`

    Raises:
        ConfigError: An unknown normalisation.

    Source:
        Wright et al. 2020, Applied Sciences 10(3):766.
    """
    error = filters.pre_emphasis(prediction - target, pre_emphasis)
    signal = filters.pre_emphasis(target, pre_emphasis)
    energy = sums.of_examples(signal**2)
    if by_batch(normalise_by):
        energy = jnp.mean(energy)
    return sums.of_examples(error**2) / (energy + floor)


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
    offset = sums.mean_of_examples(target - prediction)
    samples = target.shape[-2] * target.shape[-1]
    energy = sums.of_examples(target**2) + floor
    return offset**2 * samples / energy
