"""A knob that is moved is told from an amp that stands still."""

import numpy as np
import pytest
import scipy.signal
from plucked import RATE, amp, playing

from jaxamp.data.faults import STEP_SURPRISE
from jaxamp.dsp.steady import likeliest_step

DI = playing(60) * np.repeat([1, 0.3, 0.6, 0.1, 1, 0.5], 10 * RATE).astype(np.float32)
MIDDLE = 30 * RATE


@pytest.mark.parametrize("drive", [0.5, 4.0, 40.0])
def test_an_amp_that_stands_still_surprises_nobody(drive):
    assert likeliest_step(DI, amp(DI, drive), RATE).surprise < STEP_SURPRISE


@pytest.mark.parametrize("decibels", [-3.0, 3.0])
def test_a_volume_knob_is_noticed_when_and_by_how_much(decibels):
    wet = amp(DI)
    wet[MIDDLE:] *= 10 ** (decibels / 20)
    step = likeliest_step(DI, wet, RATE)
    assert step.surprise > STEP_SURPRISE
    assert abs(step.seconds - 30) <= 6  # two blocks
    # The prediction has adapted to both settings and takes part of the step away.
    assert 0.6 * abs(decibels) < abs(step.decibels) < 1.2 * abs(decibels)
    assert np.sign(step.decibels) == np.sign(decibels)


def test_a_treble_knob_changes_the_treble():
    wet = amp(DI)
    b, a = scipy.signal.butter(1, 1500, fs=RATE)
    wet[MIDDLE:] = scipy.signal.lfilter(b, a, wet[MIDDLE:])
    step = likeliest_step(DI, wet, RATE)
    assert step.surprise > STEP_SURPRISE
    assert step.hertz[0] >= 1200
    assert step.decibels < 0


def test_three_quarters_of_a_minute_are_needed():
    few = 40 * RATE
    assert likeliest_step(DI[:few], amp(DI)[:few], RATE) is None
