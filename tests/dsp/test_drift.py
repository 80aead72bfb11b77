"""Clocks that drift apart are told from delays, to a fraction of a sample."""

import numpy as np
import pytest
from plucked import RATE, amp, late, playing, stretched

from jaxamp.dsp.drift import drift_of_passages, drift_of_signals, lag

SEARCH = (-1000, 10_000)
DI = playing(30)
WET = amp(DI)


@pytest.mark.parametrize("true", [-37.0, 0.0, 0.3, 12.5])
def test_a_lag_is_found_between_samples(true):
    one = np.random.default_rng(0).standard_normal(4096)
    hertz = np.fft.rfftfreq(8192)
    smooth = np.exp(-((hertz / 0.1) ** 2))
    spectrum = np.fft.rfft(one, 8192) * smooth
    other = np.fft.irfft(spectrum * np.exp(-2j * np.pi * hertz * true))
    found, alike = lag(np.fft.irfft(spectrum), other, 100)
    assert abs(found - true) < 0.05  # a parabola through three samples
    assert alike > 0.98


@pytest.mark.parametrize("ppm", [20.0, -20.0, 4.0])
def test_the_playing_shows_the_drift_whatever_the_delay(ppm):
    found = drift_of_signals(DI, late(stretched(WET, ppm), 1234), RATE, SEARCH)
    assert found.method == "signals"
    assert abs(found.samples - 1e-6 * ppm * len(DI)) < 0.5
    assert np.sign(found.ppm) == np.sign(ppm)


def test_one_clock_does_not_drift():
    assert abs(drift_of_signals(DI, late(WET, 1234), RATE, SEARCH).samples) < 0.5


def test_another_take_shows_no_drift_at_all():
    assert drift_of_signals(DI, amp(playing(30, seed=1)), RATE, SEARCH) is None


def test_half_a_minute_is_needed():
    few = 15 * RATE
    assert drift_of_signals(DI[:few], WET[:few], RATE, SEARCH) is None


def test_a_passage_played_twice_shows_the_drift_of_the_whole():
    passage = WET[: 5 * RATE]
    slid = stretched(np.append(np.zeros(7, np.float32), passage), 0)
    found = drift_of_passages(passage, slid[: len(passage)], 60 * RATE, 180 * RATE)
    assert found.method == "passages"
    assert abs(found.samples - 3 * 7) < 0.1
    assert abs(found.ppm - 7e6 / (60 * RATE)) < 0.05
