"""Losses that compare spectra and so forgive phase, as ears mostly do.

Sixteen windows of 8,192 samples take about 20 ms with gradient on two CPU cores.
Multiplying frames by a table of the 600, 240 or 1,200 sines they need was tried
instead of transforming them with zeros behind: 155 ms, and 65 ms with the tables
folded at their symmetry.
"""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxamp.core import Array, ConfigError
from jaxamp.dsp import filters, sums
from jaxamp.dsp.spectrum import MULTI_RESOLUTION, Resolution, magnitude
from jaxamp.losses.samples import by_batch

TINY = 1e-24
"""Squared distance below which two spectra are equal, and the gradient rests."""


def mrstft(
    prediction: Array,
    target: Array,
    *,
    pre_emphasis: float | None = None,
    normalise_by: str = "batch",
    fft_sizes: Sequence[int] = tuple(r.fft_size for r in MULTI_RESOLUTION),
    hops: Sequence[int] = tuple(r.hop for r in MULTI_RESOLUTION),
    windows: Sequence[int] = tuple(r.window for r in MULTI_RESOLUTION),
) -> Array:
    """Distance between spectra, averaged over coarse and fine resolutions.

    Args:
        pre_emphasis: Coefficient of the treble tilt given to both first, or None.
        normalise_by: The spectral convergence, a ratio of norms, is taken over the
            whole `batch`, as auraloss and NAM's recipes do, and then counts for each
            example; or over each `example`, which lets windows of near silence
            decide: A1 nano then learns a high-gain amp to ESR 0.37 in 310 steps, not
            0.20 (seed 1).

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`

    Raises:
        ConfigError: The three lists differ in length, or a window exceeds its FFT.

    Source:
        Yamamoto et al. 2020, ICASSP (Parallel WaveGAN), section 2.2.
    """
    together = by_batch(normalise_by)
    resolutions = _resolutions(fft_sizes, hops, windows)
    prediction = filters.pre_emphasis(prediction, pre_emphasis)
    target = filters.pre_emphasis(target, pre_emphasis)
    distances = [_distance(prediction, target, r, together) for r in resolutions]
    return jnp.mean(jnp.stack(distances), axis=0)


def stft(
    prediction: Array,
    target: Array,
    *,
    pre_emphasis: float | None = None,
    normalise_by: str = "batch",
    fft_size: int = 1024,
    hop: int = 120,
    window: int = 600,
) -> Array:
    """Distance between spectra at a single resolution.

    Shapes:
        prediction, target `[b, c, t]` -> `[b]`
    """
    return mrstft(
        prediction,
        target,
        pre_emphasis=pre_emphasis,
        normalise_by=normalise_by,
        fft_sizes=(fft_size,),
        hops=(hop,),
        windows=(window,),
    )


def _distance(
    prediction: Array,
    target: Array,
    resolution: Resolution,
    together: bool,
) -> Array:
    """Spectral convergence, of all or each, and mean difference of log magnitudes."""
    p, t = magnitude(prediction, resolution), magnitude(target, resolution)
    missed, present = sums.of_examples((p - t) ** 2), sums.of_examples(t**2)
    if together:
        missed, present = jnp.sum(missed), jnp.sum(present)
    convergence = jnp.sqrt(jnp.maximum(missed, TINY) / present)
    return convergence + sums.mean_of_examples(jnp.abs(jnp.log(p / t)))


def _resolutions(
    fft_sizes: Sequence[int], hops: Sequence[int], windows: Sequence[int]
) -> list[Resolution]:
    if not len(fft_sizes) == len(hops) == len(windows) > 0:
        raise ConfigError(
            f"The spectral loss was given {len(fft_sizes)} FFT sizes, {len(hops)} hops "
            f"and {len(windows)} windows. Each resolution needs one of each: make "
            "fft_sizes, hops and windows equally long."
        )
    resolutions = list(map(Resolution, fft_sizes, hops, windows))
    for fft_size, hop, window in resolutions:
        if not 1 <= hop <= window <= fft_size:
            raise ConfigError(
                f"The spectral loss was given an FFT of {fft_size} samples with a "
                f"window of {window} and a hop of {hop}. A hop is at least 1 and no "
                "longer than its window, and the window no longer than its FFT."
            )
    return resolutions
