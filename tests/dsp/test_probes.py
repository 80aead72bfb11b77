"""Chirps and noise out of whole numbers are what they are called."""

import numpy as np
import scipy.signal

from jaxamp.dsp.probes import chirp, pink_noise

RATE = 48_000


def test_a_chirp_spends_as_long_in_every_octave():
    audio = chirp(RATE, 20, 20 * 2**9, RATE)
    assert np.abs(audio).max() <= 1
    # Half a turn between two zeros; each octave takes a ninth of the time.
    for octave in range(9):
        place = round((octave + 0.5) / 9 * RATE)
        near = np.flatnonzero(np.diff(np.signbit(audio)))
        before, after = near[near <= place][-1], near[near > place][0]
        zeros = [n - audio[n] / (audio[n + 1] - audio[n]) for n in (before, after)]
        hertz = RATE / 2 / (zeros[1] - zeros[0])
        # The pitch climbs within the half turn: 4 % over the longest one.
        assert abs(hertz / (20 * 2 ** (octave + 0.5)) - 1) < 0.05


def test_the_polynomial_is_the_sine():
    # A chirp from a pitch to itself is a sine, whose phase is known.
    sine = chirp(RATE, 997, 997, RATE)
    expected = np.sin(2 * np.pi * 997 * np.arange(1, RATE + 1) / RATE)
    # 997 / 48000 of a turn is rounded to 64 bits; all else is exact.
    np.testing.assert_allclose(sine, expected, atol=1e-11)


def test_noise_is_pink():
    noise = pink_noise(4 * RATE, seed=3)
    assert abs(np.sqrt(np.mean(noise**2)) - 1) < 0.1  # its lowest rows are few draws
    hertz, power = scipy.signal.welch(noise, RATE, nperseg=4096)
    octaves = [
        10 * np.log10(power[(hertz >= low) & (hertz < 2 * low)].sum())
        for low in (100, 200, 400, 800, 1600, 3200, 6400)
    ]
    # The held numbers' spectra overlap to within a dB or so of a straight line.
    assert max(octaves) - min(octaves) < 2.5


def test_other_seeds_are_other_noise():
    assert abs(np.corrcoef(pink_noise(RATE, 1), pink_noise(RATE, 2))[0, 1]) < 0.2
