"""The low-pass filter of the anchor, against what its recommendation asks for."""

import numpy as np
import pytest

from jaxamp.dsp.low_pass import low_pass


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_low_anchor_is_that_of_bs_1534(rate):
    impulse = np.zeros(rate)
    impulse[rate // 2] = 1.0
    answer = low_pass(impulse, rate, 3500.0, 4000.0)
    assert answer.size == rate
    assert np.argmax(answer) == rate // 2, "nothing is shifted"
    level = 20 * np.log10(np.abs(np.fft.rfft(answer)) + 1e-12)  # a bin a hertz
    assert np.max(np.abs(level[:3501])) < 0.1
    assert np.max(level[4000:4500]) < -25
    assert np.max(level[4500:]) < -50


def test_a_signal_below_the_stop_band_stays_as_it_is():
    x = np.arange(5.0)
    np.testing.assert_array_equal(low_pass(x, 8000, 3500.0, 4000.0), x)
