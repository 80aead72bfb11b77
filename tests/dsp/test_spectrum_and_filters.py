"""Frames, magnitudes and pre-emphasis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.dsp.filters import pre_emphasis
from jaxamp.dsp.spectrum import Resolution, frames, hann, magnitude


@pytest.mark.parametrize(
    ("length", "hop", "window"),
    [(100, 10, 40), (101, 10, 40), (99, 7, 40), (60, 1, 9), (50, 20, 20), (41, 13, 79)],
)
def test_frames_are_cut_around_every_hop_of_the_mirrored_signal(length, hop, window):
    x = np.arange(2 * length, dtype=np.float32).reshape(2, length)
    before, after = (window + 1) // 2, window // 2
    mirrored = np.pad(x, ((0, 0), (before, after)), mode="reflect")
    starts = range(0, length + 1, hop)
    expected = np.stack([mirrored[:, s : s + window] for s in starts], axis=1)
    np.testing.assert_array_equal(frames(x, Resolution(0, hop, window)), expected)


def test_a_sine_on_a_bin_has_half_the_windows_area_there():
    resolution = Resolution(512, 128, 512)
    tone = jnp.sin(2 * jnp.pi * 40 * jnp.arange(4096) / 512)
    middle = magnitude(tone, resolution)[16]
    assert int(jnp.argmax(middle)) == 40
    np.testing.assert_allclose(middle[40], np.sum(hann(512)) / 2, rtol=1e-4)


def test_overlapped_hann_windows_add_up_to_a_constant():
    np.testing.assert_allclose(hann(600)[:300] + hann(600)[300:], 1, atol=1e-12)


def test_silence_has_the_floors_magnitude_and_no_gradient():
    resolution, silence = Resolution(64, 16, 64), jnp.zeros(256)
    np.testing.assert_allclose(magnitude(silence, resolution), 1e-4, rtol=1e-5)
    slope = jax.grad(lambda x: jnp.sum(magnitude(x, resolution)))(silence)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("coefficient", [0.85, 0.95])
def test_pre_emphasis_lifts_the_highest_note_and_nearly_stops_an_offset(coefficient):
    ones, buzz = np.ones(10), np.where(np.arange(10) % 2, 1.0, -1.0)
    np.testing.assert_allclose(pre_emphasis(ones, coefficient), 1 - coefficient)
    lifted = np.abs(pre_emphasis(buzz, coefficient))
    np.testing.assert_allclose(lifted, 1 + coefficient)


def test_pre_emphasis_is_a_filter_not_a_mixture():
    impulse = np.zeros((1, 8))
    impulse[0, 3] = 1
    expected = [[0, 0, 1, -0.95, 0, 0, 0]]
    np.testing.assert_allclose(pre_emphasis(impulse, 0.95), expected)


def test_no_pre_emphasis_leaves_every_sample():
    x = np.arange(5.0)
    np.testing.assert_array_equal(pre_emphasis(x, None), x)
