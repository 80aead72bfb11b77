"""The delay is the first arrival, found to a sample, never later by more than one."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from plucked import RATE, amp, late, playing

from jaxamp.core import CaptureError
from jaxamp.dsp.align import Delay, align
from jaxamp.dsp.delay import measure_delay

DATA = os.environ.get("JAXAMP_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="JAXAMP_DATA is not set")


DI = playing(10)
WET = amp(DI)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5000))
def test_any_delay_of_a_distorting_amp_is_found_within_a_sample(delay):
    found = measure_delay(DI, late(WET, delay), RATE)
    assert found.method == "signals"
    assert abs(found.samples - delay) <= 1
    assert abs(found.exact - delay) <= 1.5


@settings(max_examples=6, deadline=None)
@given(st.integers(20, 3000), st.sampled_from([1.0, 10.0, 40.0]), st.integers(0, 9))
def test_a_noisy_recording_is_never_aligned_too_late(delay, drive, seed):
    noise = 1e-3 * np.random.default_rng(100 + seed).standard_normal(len(DI))
    hum = 1e-3 * np.sin(2 * np.pi * 50 / RATE * np.arange(len(DI)))
    target = late(amp(DI, drive), delay) + noise + hum
    found = measure_delay(DI, target.astype(np.float32), RATE)
    # Too early costs a model a few taps; too late would ask it to know the future.
    assert delay - 6 <= found.samples <= delay + 1
    assert found.applied <= delay


@settings(max_examples=12, deadline=None)
@given(st.floats(0, 3000))
def test_a_delay_between_samples_moves_what_is_measured_by_as_much(delay):
    section = scipy.signal.butter(4, 17_000, fs=RATE, output="sos")
    smooth = scipy.signal.sosfilt(section, amp(DI, 20.0)).astype(np.float32)
    measured = [
        measure_delay(DI, between_samples(smooth, by), RATE).exact
        for by in (20.0, 20.0 + delay)
    ]
    assert abs(measured[1] - measured[0] - delay) <= 0.3


def between_samples(audio, delay):
    """Later by any time, as if it had been recorded then."""
    size = 2 * len(audio)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * delay)
    return np.fft.irfft(np.fft.rfft(audio, size) * turn, size)[: len(audio)]


def test_polarity_is_reported():
    assert measure_delay(DI, late(amp(DI, 1.0), 9), RATE).polarity == 1
    assert measure_delay(DI, late(amp(DI, 1.0, -1.0), 9), RATE).polarity == -1


def test_one_sample_of_safety_is_kept_when_applied():
    assert Delay(47, 46.6, 1, 30.0, "blips").applied == 46
    assert Delay(0, 0.2, 1, 30.0, "blips").applied == 0
    assert Delay(-2, -2.1, 1, 30.0, "blips").applied == 0


def test_an_aligned_pair_has_one_length_and_the_same_moments():
    x = np.arange(10, dtype=np.float32)
    for delay in (3, -3, 0):
        target = x - delay
        a, b = align(x, target, delay)
        np.testing.assert_array_equal(a, b)
        assert len(a) == 10 - abs(delay)


def test_blips_in_silence_are_measured_directly():
    x = np.zeros(RATE * 3, np.float32)
    x[[24_000, 72_000]] = 0.5
    found = measure_delay(x, late(amp(x), 123), RATE)
    assert found.method == "blips"
    assert found.warnings == ()
    assert 123 <= found.samples <= 124


def test_blips_that_disagree_are_warned_about():
    x = np.zeros(RATE * 3, np.float32)
    x[[24_000, 72_000]] = 0.5
    y = np.zeros_like(x)
    y[[24_100, 72_130]] = 0.4
    found = measure_delay(x, y, RATE)
    assert found.samples == 100
    assert "disagree" in found.warnings[0]
    assert "30 samples" in found.warnings[0]


def test_blips_that_do_not_come_back_leave_it_to_the_playing():
    x = np.concatenate([np.zeros(3 * RATE, np.float32), DI])
    x[[24_000, 72_000]] = 0.5
    y = np.concatenate([np.zeros(3 * RATE, np.float32), late(WET, 40)])
    found = measure_delay(x, y, RATE)
    assert found.method == "signals"
    assert abs(found.samples - 40) <= 1


def test_another_take_is_refused():
    with pytest.raises(CaptureError, match=r"No delay between -1000 and 10000"):
        measure_delay(DI, amp(playing(10, seed=1)), RATE)


def test_silence_has_no_delay():
    with pytest.raises(CaptureError, match="No delay"):
        measure_delay(DI, np.zeros_like(DI), RATE)


def test_a_delay_at_the_edge_of_the_window_is_refused():
    with pytest.raises(CaptureError, match=r"edge of the search window of -50 to 200"):
        measure_delay(DI, late(WET, 198), RATE, search=(-50, 200))


def test_a_target_ahead_of_its_input_is_refused():
    with pytest.raises(CaptureError, match="ahead of its cause"):
        measure_delay(late(DI, 500), WET, RATE)


def test_too_short_a_pair_is_refused():
    with pytest.raises(CaptureError, match="too short"):
        measure_delay(DI[:2000], WET[:2000], RATE)


@needs_data
@pytest.mark.parametrize(
    ("name", "earliest", "latest"),
    [
        ("hg_jcm", 46, 48),
        ("clean_twin", 5, 7),
        ("od_ts9", 3, 5),
        ("comp_pre", 19, 21),
        ("spice_triode", 15, 25),
    ],
)
def test_circuits_of_known_latency_are_measured_to_a_sample(name, earliest, latest):
    folder = Path(DATA or "")
    target, rate = soundfile.read(folder / f"wet/{name}.flac", dtype="float32")
    dry, _ = soundfile.read(folder / "dry.flac", dtype="float32", frames=len(target))
    assert earliest <= measure_delay(dry, target, rate).samples <= latest


@needs_data
def test_the_blips_of_a_calibration_signal_give_the_same_latency():
    folder = Path(DATA or "")
    dry, rate = soundfile.read(folder / "calib.flac", dtype="float32")
    target, _ = soundfile.read(folder / "wet/hg_jcm_calib.flac", dtype="float32")
    found = measure_delay(dry, target, rate)
    assert (found.samples, found.method) == (47, "blips")


@needs_data
@pytest.mark.parametrize("clip", [1, 2, 3, 4, 5, 8])
def test_five_seconds_of_a_real_amp_are_enough(clip):
    folder = Path(DATA or "") / "jvm410h/snapshot"
    dry, rate = soundfile.read(folder / f"clip{clip}_dry.flac", dtype="float32")
    target, _ = soundfile.read(folder / f"clip{clip}_amp.flac", dtype="float32")
    # Its group delay is 3 to 9 samples; the first arrival can only be earlier.
    assert -4 <= measure_delay(dry, target, rate).samples <= 9
