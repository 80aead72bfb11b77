"""A gate is told from amps that compress, clip or are merely quiet."""

import numpy as np
import pytest
import scipy.signal
from plucked import RATE, amp, playing

from jaxamp.dsp.gating import shut

LOUD = playing(6)
DI = np.concatenate([LOUD, LOUD / 40])
WET = amp(DI)


@pytest.mark.parametrize("drive", [0.1, 4.0, 100.0])
def test_no_amp_is_taken_for_a_gate(drive):
    assert shut(DI, amp(DI, drive), RATE)[0] == 0


def test_neither_hiss_nor_a_pause_is_a_gate():
    noise = 1e-3 * np.random.default_rng(7).standard_normal(len(DI))
    x = DI.copy()
    x[100_000:200_000] = 0
    assert shut(x, (amp(x) + noise).astype(np.float32), RATE)[0] == 0


def test_quiet_playing_that_is_shut_off_is_measured_by_its_length():
    gated = WET.copy()
    gated[8 * RATE : 10 * RATE] = 0
    seconds, level = shut(DI, gated, RATE)
    assert 1 < seconds <= 2  # where notes have died, nothing is missed
    assert -60 < level < -30


def test_a_gate_that_opens_for_loud_notes_is_found():
    level = scipy.signal.lfilter([0.01], [1, -0.99], np.abs(DI))
    seconds, _ = shut(DI, np.where(level > 3e-3, WET, 0), RATE)
    assert seconds > 3
