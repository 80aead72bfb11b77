"""Impulse responses are read at their own loudness, at any rate, within bounds."""

import numpy as np
import pytest
import soundfile
from tiny import noise

from jaxamp.core import CaptureError
from jaxamp.data.cabinet import read_cabinet


def write(path, samples, rate=48_000):
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def gain(response, rate, hertz):
    turns = np.exp(-2j * np.pi * hertz / rate * np.arange(response.size))
    return abs(np.sum(response * turns))


def cabinet(rate):
    """One and the same resonance at 1 kHz, sampled at a rate."""
    t = np.arange(rate // 20) / rate
    return (np.exp(-300 * t) * np.sin(2 * np.pi * 1000 * t) * 1000 / rate).astype("f4")


def test_a_response_of_the_same_rate_is_taken_as_it_is(tmp_path):
    response = noise(100)
    silent_end = np.append(response, np.zeros(50, np.float32))
    read = read_cabinet(write(tmp_path / "cab.wav", silent_end), 48_000)
    np.testing.assert_array_equal(read, response)


@pytest.mark.parametrize("rate", [44_100, 88_200, 96_000])
def test_a_response_of_another_rate_colours_the_sound_alike(tmp_path, rate):
    read = read_cabinet(write(tmp_path / "cab.wav", cabinet(rate), rate), 48_000)
    for hertz in (200, 1000, 3000, 10_000):
        expected = gain(cabinet(rate), rate, hertz)
        # 1 %: the resampler's own passband
        assert gain(read, 48_000, hertz) == pytest.approx(expected, rel=0.02)


def test_a_response_that_begins_at_once_keeps_its_energy(tmp_path):
    click = np.ones(1, np.float32)
    read = read_cabinet(write(tmp_path / "cab.wav", click, 48_000), 96_000)
    # as loud as noise through it: half the sum, so a quarter of the energy, twice
    assert np.sum(read**2) == pytest.approx(0.5, rel=1e-5)
    assert np.argmax(np.abs(read)) == 0


def test_a_channel_is_chosen(tmp_path):
    both = np.stack([noise(10), noise(10, seed=1)], axis=1)
    file = write(tmp_path / "cab.wav", both)
    np.testing.assert_array_equal(read_cabinet(file, 48_000, "right"), both[:, 1])
    with pytest.raises(CaptureError, match="2 channels"):
        read_cabinet(file, 48_000)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros(10), 48_000, "silent"),
        (np.ones(5 * 48_000 + 1), 48_000, "5 s long"),
        (np.ones(10), 48_001, "cannot be converted"),
    ],
)
def test_what_is_no_cabinet_is_refused(tmp_path, samples, rate, words):
    file = write(tmp_path / "cab.wav", samples, rate)
    with pytest.raises(CaptureError, match=words):
        read_cabinet(file, 48_000)
