"""Test signals: exact repetition, and loudness as players state it."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from jaxamp.dsp.level import decibels, rms
from jaxamp.dsp.signals import loudness_signal, sine


def test_a_sine_repeats_exactly_and_fills_one_bin():
    tone = sine(1_250, 48_017, 2 * 48_017, 0.25)
    np.testing.assert_array_equal(tone[:48_017], tone[48_017:])
    strength = np.abs(np.fft.rfft(tone[:48_017]))
    assert np.argmax(strength) == 1_250
    assert strength[1_250] == pytest.approx(0.25 * 48_017 / 2, rel=1e-6)
    assert np.sort(strength)[-2] < 1e-3


def test_the_loudness_signal_has_its_stated_level_offset_and_peak():
    noise = loudness_signal()
    assert noise.shape == (48_000,)
    assert decibels(rms(noise)) == pytest.approx(-14.968, abs=1e-3)
    assert np.mean(noise) == pytest.approx(-0.0397, abs=1e-5)
    assert np.max(np.abs(noise)) == pytest.approx(0.728, abs=1e-3)


def test_the_loudness_signal_is_the_same_everywhere():
    samples = np.round(loudness_signal() * 2**15).astype("<i2").tobytes()
    assert (
        hashlib.sha256(samples).hexdigest()
        == "4c08955dc0ca9990ec1a45a6ffa58aba68aeafdfac0859f348a9482310191696"
    )


@pytest.mark.parametrize("gain", [0.1, 0.3, 1, 3, 10, 30, 100])
def test_clipping_is_as_loud_as_with_the_players_file(gain):
    ours, theirs = np.tanh(gain * loudness_signal()), np.tanh(gain * _players_file())
    assert decibels(rms(ours) / rms(theirs)) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("hertz", [20, 80, 300, 2000])
@pytest.mark.parametrize("side", ["low", "high"])
def test_tone_shaping_is_nearly_as_loud_as_with_the_players_file(hertz, side):
    b, a = scipy.signal.butter(1, hertz, side, fs=48_000)
    ours, theirs = (
        np.tanh(10 * scipy.signal.lfilter(b, a, x))
        for x in (loudness_signal(), _players_file())
    )
    # Two stretches of noise of one spectrum differ in each band by chance.
    assert decibels(rms(ours) / rms(theirs)) == pytest.approx(0, abs=0.15)


def _players_file():
    if "JAXAMP_DATA" not in os.environ:
        pytest.skip("JAXAMP_DATA is unset: the players' own loudness file is not here")
    path = Path(os.environ["JAXAMP_DATA"]) / "models/nam/loudness_input.wav"
    return soundfile.read(path)[0]
