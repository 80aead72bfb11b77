"""Aliasing of shapers whose harmonics are known."""

import numpy as np
import pytest
import scipy.signal

from jaxamp.dsp.signals import sine
from jaxamp.metrics import aliasing
from jaxamp.metrics.aliasing import PERIOD, aliased_to_harmonic


def test_the_period_is_prime():
    assert all(PERIOD % divisor for divisor in range(2, int(PERIOD**0.5) + 1))


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_a_linear_amp_does_not_alias(sample_rate):
    smooth = scipy.signal.butter(2, 0.3)
    ratios = aliasing(
        lambda x: scipy.signal.lfilter(*smooth, x), sample_rate=sample_rate
    )
    assert list(ratios) == ["asr_1250_hz", "asr_2500_hz", "asr_5000_hz"]
    assert max(ratios.values()) < 1e-12


def test_an_offset_is_not_aliasing():
    assert max(aliasing(lambda x: x + 0.5).values()) < 1e-12


def test_silence_does_not_alias():
    assert set(aliasing(lambda x: 0 * x).values()) == {0.0}


def test_only_the_folded_harmonic_of_a_cubic_counts():
    # sin^3 = (3 sin - sin 3x) / 4; at 10 kHz the third harmonic is 30 kHz, folded.
    cycles = 10_003
    tone = sine(cycles, PERIOD, PERIOD, 1.0).astype(np.float64)
    assert aliased_to_harmonic(tone**3, cycles) == pytest.approx(1 / 9, rel=1e-4)
    low = sine(1_250, PERIOD, PERIOD, 1.0).astype(np.float64)
    assert aliased_to_harmonic(low**3, 1_250) < 1e-12


def test_harder_clipping_and_higher_notes_alias_more():
    soft, hard = (aliasing(lambda x, g=g: np.tanh(g * x)) for g in (4, 40))
    assert soft["asr_5000_hz"] < hard["asr_5000_hz"]
    assert hard["asr_1250_hz"] < hard["asr_2500_hz"] < hard["asr_5000_hz"]


def test_oversampling_helps():
    def oversampled(x):
        up = scipy.signal.resample_poly(x, 8, 1)
        return scipy.signal.resample_poly(np.tanh(20 * up), 1, 8)

    plain = aliasing(lambda x: np.tanh(20 * x))["asr_5000_hz"]
    # The last samples ring where the signal stops, so they are left out.
    better = aliasing(lambda x: oversampled(np.append(x, x[-PERIOD:][:2000]))[:-2000])
    assert better["asr_5000_hz"] < plain / 10


def test_memory_settles_before_anything_is_measured():
    b, a = scipy.signal.butter(1, 20, "high", fs=48_000)
    ratios = aliasing(lambda x: scipy.signal.lfilter(b, a, x + 0.1))
    assert max(ratios.values()) < 1e-10
    impatient = aliasing(lambda x: scipy.signal.lfilter(b, a, x + 0.1), settle=0)
    assert min(impatient.values()) > 1e-6
