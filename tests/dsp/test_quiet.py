"""Hiss and hum are heard where nothing is played, and told apart."""

import numpy as np
import pytest
from plucked import RATE, amp, playing

from jaxamp.dsp.quiet import noise, silences

PAUSES = [(0, 20_000), (150_000, 160_000), (300_000, 330_000)]


def with_pauses():
    x = playing(8)
    for start, end in PAUSES:
        x[start:end] = 0
    return x


DI = with_pauses()
WET = amp(DI)
TIME = np.arange(len(DI)) / RATE


def hum(hertz, decibels):
    tones = sum(np.sin(2 * np.pi * hertz * k * TIME) / k for k in (1, 2, 3, 5))
    return tones * 10 ** (decibels / 20) / np.sqrt(np.mean(tones**2))


def hiss(decibels):
    return np.random.default_rng(7).standard_normal(len(DI)) * 10 ** (decibels / 20)


def test_the_first_half_of_a_pause_is_left_to_the_last_note():
    assert silences(DI, RATE) == [
        (10_000, 20_000),
        (155_000, 160_000),
        (315_000, 330_000),
    ]


def test_a_clean_amp_is_silent_in_its_pauses():
    assert noise(DI, WET, RATE).rms < 1e-6
    assert noise(DI, WET, RATE).mains == 0


def test_hiss_has_its_level_and_is_no_hum():
    heard = noise(DI, WET + hiss(-70), RATE)
    assert abs(20 * np.log10(heard.rms) + 70) < 0.5
    assert (heard.hum, heard.mains) == (0, 0)


# The mains wander by some hundredths of a hertz.
@pytest.mark.parametrize(("hertz", "mains"), [(49.97, 50), (60.03, 60)])
def test_hum_is_told_by_its_mains_and_level_beside_hiss(hertz, mains):
    heard = noise(DI, WET + hum(hertz, -66) + hiss(-72), RATE)
    assert heard.mains == mains
    assert abs(20 * np.log10(heard.hum) + 66) < 1
    assert heard.rms > heard.hum


def test_a_low_tone_that_is_no_mains_is_no_hum():
    assert noise(DI, WET + hum(55.0, -60), RATE).mains == 0


def test_without_a_pause_nothing_is_known():
    assert noise(playing(4), WET[: 4 * RATE], RATE) is None
