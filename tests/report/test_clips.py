"""Clips of a page: nothing lost in 24 bits, nothing clipped, all equally loud."""

import base64
import io

import numpy as np
import pytest
import soundfile
from tiny import RATE, noise

from jaxamp.core import CaptureError
from jaxamp.dsp.level import amplitude, lufs
from jaxamp.report.clips import clips


def whole(clip):
    """The 24-bit numbers in an embedded clip."""
    file = io.BytesIO(base64.b64decode(clip["flac"]))
    samples, rate = soundfile.read(file, dtype="int32")
    assert rate == RATE
    return samples >> 8


def test_a_clip_is_the_signal_to_24_bits_at_full_scale_and_at_its_edge():
    x = np.clip(noise(5000), -0.9, 0.9)
    x[:4] = -1.0, 1.0 - 2.0**-23, 2.0**-23, -0.5
    clip = clips({"target": x}, RATE)["target"]
    assert clip["halvings"] == 0
    np.testing.assert_array_equal(whole(clip), np.rint(x.astype(float) * 2**23))


@pytest.mark.parametrize(("peak", "halvings"), [(1.0, 1), (1.5, 1), (-7.9, 3)])
def test_what_is_above_full_scale_is_halved_and_played_as_loud(peak, halvings):
    x = noise(RATE)
    x[100] = peak
    made = clips({"target": noise(RATE, 1), "prediction": x}, RATE)
    clip = made["prediction"]
    assert clip["halvings"] == halvings
    off = whole(clip) * 2.0 ** (halvings - 23) - x
    assert np.max(np.abs(off)) <= 2.0 ** (halvings - 24)
    assert np.isclose(clip["plain"], made["target"]["plain"] * 2**halvings)


def test_fewer_bits_round_more_coarsely_and_make_smaller_files():
    x = noise(RATE)
    fine, coarse = (clips({"target": x}, RATE, bits=b)["target"] for b in (24, 18))
    off = whole(coarse) * 2.0**-23 - x
    assert 2.0**-19 < np.max(np.abs(off)) <= 2.0**-18
    saved = 6 * x.size / 8 * 4 / 3
    assert len(fine["flac"]) - len(coarse["flac"]) == pytest.approx(saved, rel=0.02)
    full = np.array([1.0, -1.0, 0.25, 1.0 - 2.0**-23])
    assert clips({"target": full}, RATE, bits=18)["target"]["halvings"] == 1


def test_gains_make_clips_as_loud_as_the_target_and_none_clips():
    x, y = noise(RATE, level=0.01), 0.9 * np.tanh(20 * noise(RATE))
    made = clips({"di": x, "target": y}, RATE)
    loud = [lufs(made[n]["gain"] * a, RATE) for n, a in (("di", x), ("target", y))]
    assert abs(loud[0] - loud[1]) < 0.01  # LU; a hundredth of what anyone hears
    peaks = [made[n]["gain"] * np.max(np.abs(a)) for n, a in (("di", x), ("target", y))]
    assert max(peaks) <= 0.981
    assert made["di"]["plain"] == made["target"]["plain"] == made["target"]["gain"]


def test_a_difference_is_as_small_as_it_is_and_says_what_would_make_it_as_loud():
    y = noise(RATE)
    audio = {"target": y, "prediction": 0.99 * y, "difference": -0.01 * y}
    made = clips(audio, RATE, difference="difference")
    assert made["difference"]["gain"] == made["target"]["gain"]
    assert made["difference"]["louder_db"] == pytest.approx(40.0, abs=0.11)
    assert made["target"]["louder_db"] == 0.0
    raised = made["difference"]["gain"] * amplitude(made["difference"]["louder_db"])
    assert raised * np.max(np.abs(audio["difference"])) < 1.0


def test_silence_is_matched_to_nothing():
    silent = np.zeros(RATE, np.float32)
    made = clips(
        {"target": noise(RATE), "difference": silent}, RATE, difference="difference"
    )
    assert made["difference"]["louder_db"] == 0.0
    both = clips({"target": silent, "prediction": noise(RATE)}, RATE)
    assert both["prediction"]["gain"] == both["target"]["gain"] == 1.0
    assert both["target"]["unmeasured"] is True
    assert both["prediction"]["unmeasured"] is False


def test_clips_that_cannot_be_played_in_step_are_refused():
    with pytest.raises(CaptureError, match="one length"):
        clips({"target": noise(10), "prediction": noise(11)}, RATE)
    with pytest.raises(CaptureError, match="one length"):
        clips({"target": noise(0)}, RATE)
    with pytest.raises(CaptureError, match="not finite"):
        clips({"target": noise(9) * np.float32("nan")}, RATE)
