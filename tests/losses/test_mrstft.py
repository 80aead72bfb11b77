"""The spectral loss against an independent double-precision analysis."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from jaxamp import losses
from jaxamp.core import ConfigError

MRSTFT = jax.jit(functools.partial(losses.mrstft, normalise_by="example"))
SIZES = [(1024, 120, 600), (2048, 240, 1200), (512, 50, 240)]


def independent_mrstft(prediction, target, sizes=SIZES):
    """One signal `[t]` each, by scipy's own framing, in double precision."""
    return np.mean([_independent(prediction, target, *size) for size in sizes])


def _independent(prediction, target, fft_size, hop, window):
    p, t = (_magnitude(x, fft_size, hop, window) for x in (prediction, target))
    convergence = np.linalg.norm(t - p) / np.linalg.norm(t)
    return convergence + np.mean(np.abs(np.log(t) - np.log(p)))


def _magnitude(x, fft_size, hop, window):
    # The window sits in the middle of the transform and the signal is mirrored by
    # half a transform, as torch.stft does it.
    x = np.pad(x.astype(np.float64), fft_size // 2, mode="reflect")
    shape = np.zeros(fft_size)
    edge = (fft_size - window) // 2
    shape[edge : edge + window] = scipy.signal.get_window("hann", window)
    starts = range(0, len(x) - fft_size + 1, hop)
    spectrum = np.fft.rfft([x[s : s + fft_size] * shape for s in starts])
    return np.sqrt(np.maximum(np.abs(spectrum) ** 2, 1e-8))


def _pair(length, seed=0):
    r = np.random.default_rng(seed)
    target = scipy.signal.lfilter([1], [1, -0.95], r.standard_normal(length)) * 0.05
    return (np.tanh(1.2 * target) + 1e-3).astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("length", [8192, 2401, 1201])
def test_agrees_with_an_independent_analysis(length):
    pairs = [_pair(length, seed) for seed in (0, 1)]
    batch = np.stack(pairs, axis=1)[:, :, None]
    expected = [independent_mrstft(*pair) for pair in pairs]
    np.testing.assert_allclose(MRSTFT(*batch), expected, rtol=2e-5)


def test_over_the_batch_loud_examples_decide_the_spectral_convergence():
    pairs = [_pair(3000, 0), tuple(1e-3 * x for x in _pair(3000, 1))]
    batch = np.stack(pairs, axis=1)[:, :, None]
    magnitudes = [
        [np.stack([_magnitude(x[0], *size) for x in side]) for side in batch]
        for size in SIZES
    ]
    ratios = [np.linalg.norm(t - p) / np.linalg.norm(t) for p, t in magnitudes]
    logs = [np.abs(np.log(t / p)).mean() for p, t in magnitudes]
    together = np.mean(jax.jit(losses.mrstft)(*batch))
    np.testing.assert_allclose(together, np.mean(ratios) + np.mean(logs), rtol=2e-4)


def test_an_unknown_normalisation_is_refused():
    x = jnp.zeros((1, 1, 100))
    with pytest.raises(ConfigError, match="batch, example"):
        losses.mrstft(x, x, normalise_by="window")


def test_pre_emphasis_tilts_both_and_drops_the_first_sample():
    prediction, target = _pair(4000)
    tilted = [(x[1:] - 0.85 * x[:-1]) for x in (prediction, target)]
    loss = jax.jit(functools.partial(losses.mrstft, pre_emphasis=0.85))(
        prediction[None, None], target[None, None]
    )
    np.testing.assert_allclose(loss, independent_mrstft(*tilted), rtol=2e-5)


@pytest.mark.parametrize("sizes", [(256, 64, 256), (512, 100, 101), (128, 128, 128)])
def test_a_single_resolution_of_any_size_agrees(sizes):
    prediction, target = _pair(3000)
    fft_size, hop, window = sizes
    loss = jax.jit(
        functools.partial(losses.stft, fft_size=fft_size, hop=hop, window=window)
    )(prediction[None, None], target[None, None])
    # An odd window's middle is a matter of taste; ours puts it where torch does not.
    expected = _independent(prediction, target, *sizes)
    tolerance = 2e-5 if sizes[2] % 2 == 0 else 5e-2
    np.testing.assert_allclose(loss, expected, rtol=tolerance)


def test_channels_are_heard_together():
    pairs = [_pair(3000, seed) for seed in (0, 1)]
    stereo = np.stack(pairs, axis=1)[:, None]
    mono = MRSTFT(*np.stack(pairs, axis=1)[:, :, None])
    low, high = sorted(np.asarray(mono))
    assert low <= float(MRSTFT(*stereo)[0]) <= high


def test_halving_both_changes_nothing_well_above_the_floor():
    prediction, target = (x[None, None] * 100 for x in _pair(3000))
    whole = MRSTFT(prediction, target)
    half = MRSTFT(prediction / 2, target / 2)
    np.testing.assert_allclose(half, whole, rtol=1e-4)


def test_a_prediction_at_half_the_level_misses_half_and_log_two():
    _, target = _pair(3000)
    loud = 100 * target[None, None]
    np.testing.assert_allclose(MRSTFT(loud / 2, loud), 0.5 + np.log(2), rtol=1e-4)


def test_lists_of_different_lengths_are_refused():
    x = jnp.zeros((1, 1, 100))
    with pytest.raises(ConfigError, match="2 FFT sizes, 3 hops"):
        losses.mrstft(x, x, fft_sizes=[64, 32])


def test_a_window_longer_than_its_transform_is_refused():
    x = jnp.zeros((1, 1, 100))
    with pytest.raises(ConfigError, match="FFT of 64 samples with a window of 65"):
        losses.stft(x, x, fft_size=64, hop=8, window=65)
