"""What a report measures, against answers that are known."""

import io

import matplotlib.image
import numpy as np
import pytest
from tiny import RATE, noise

from jaxamp.report.analysis.excerpt import excerpt
from jaxamp.report.analysis.levels import STEP_DB, levels
from jaxamp.report.analysis.spectrogram import (
    COLUMNS,
    ROWS,
    edges,
    palette,
    png,
    spectrogram,
)
from jaxamp.report.analysis.tones import (
    CURVE_HERTZ,
    FOLDED_HERTZ,
    NOTE_DBFS,
    SETTLE,
    tones,
)


def test_the_excerpt_has_the_loudest_moment_and_the_quietest_playing():
    audio = 0.1 * np.ones(20 * RATE, np.float32)
    audio[8 * RATE : 8 * RATE + 4800] = 0.9
    audio[6 * RATE : 7 * RATE] = 0.01
    audio[9 * RATE : 10 * RATE] = 0.0  # a pause, which is no playing
    begin, end = excerpt(audio, RATE, 3.0)
    assert end - begin == 3 * RATE
    assert begin < 7 * RATE
    assert end > 8 * RATE
    assert excerpt(audio[:RATE], RATE, 3.0) == (0, RATE)


def test_an_excerpt_is_as_long_as_asked_wherever_the_loudest_moment_is():
    late = np.zeros(10 * RATE + 17)
    late[-1] = 1.0
    for audio in (late, late[::-1], np.zeros(10 * RATE)):
        begin, end = excerpt(audio, RATE, 2.0)
        assert end - begin == 2 * RATE
        assert 0 <= begin < end <= audio.size


def test_an_error_in_proportion_has_the_same_esr_at_every_level():
    loudness = np.repeat(10 ** (np.arange(-60, 0, 5) / 20), RATE // 4)
    x = (noise(loudness.size, level=0.5) * loudness).astype(np.float32)
    found = levels(x, 2 * x, 2.2 * x, RATE)
    assert found.input.size > 8
    np.testing.assert_allclose(found.esr, 0.01, rtol=1e-3)
    np.testing.assert_allclose(found.target - found.error, 20.0, atol=0.01)
    # A frame's own level is somewhere in the range that it is counted in.
    assert np.all(np.abs(found.target - found.input - 6.02) <= STEP_DB / 2 + 0.01)


def test_silence_has_no_levels():
    assert levels(*np.zeros((3, RATE)), RATE).input.size == 0


def test_a_cubic_has_the_third_harmonic_of_the_textbook_and_its_own_curve():
    found = tones(lambda x: x + 2 * x**3, RATE)
    for level in NOTE_DBFS:
        height = 10 ** (level / 20)
        third = 20 * np.log10(height**3 / 2 / (height + 1.5 * height**3))
        first, second, measured, *_ = found.harmonics[level]
        assert first == 0.0
        assert second is None
        assert measured == pytest.approx(third, abs=1e-3)
    assert [*found.aliased] == list(FOLDED_HERTZ)
    x, y = found.curve
    assert x.size == round(RATE / CURVE_HERTZ)
    np.testing.assert_allclose(y, x + 2 * x**3, atol=1e-6)


def test_only_what_is_folded_counts_as_aliasing():
    found = tones(np.tanh, RATE).aliased
    clean = tones(lambda x: 0.5 * x, RATE).aliased
    assert max(clean.values()) < 1e-12
    assert found[10_000.0] > 100 * found[1250.0]


def test_every_tone_has_settled_when_it_is_measured():
    def slow(x):
        assert x.size % (SETTLE + 48_017) == 0
        return np.convolve(x, np.exp(-np.arange(4000) / 500) / 500)[: x.size]

    assert max(tones(slow, RATE).aliased.values()) < 1e-10


def test_a_tone_is_a_bright_line_at_its_pitch():
    time = np.arange(RATE) / RATE
    found = spectrogram(0.5 * np.sin(2 * np.pi * 1000 * time), RATE)
    assert found.shape == (ROWS, COLUMNS)
    brightest = np.argmax(found[:, COLUMNS // 2])
    low, high = edges(RATE)[brightest : brightest + 2]
    assert low / 1.03 <= 1000 <= high * 1.03
    assert found[brightest, COLUMNS // 2] - np.median(found[:, COLUMNS // 2]) > 60


def test_the_picture_has_the_colours_of_its_palette():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = matplotlib.image.imread(io.BytesIO(png(pixels, palette())))
    np.testing.assert_allclose(image[..., :3], palette()[pixels] / 255, atol=1e-6)
