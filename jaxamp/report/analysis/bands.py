"""How much of a sound lies where: its level in bands of a third of an octave."""

import numpy as np

LOWEST_DBFS = -120.0
FIRST, LAST = -13, 13
"""Thirds of an octave from 1 kHz: 50 Hz to 20 kHz."""


def centres(sample_rate: int) -> list[float]:
    """The middles in Hz of the bands that a sample rate has whole."""
    all_of_them = [1000 * 2 ** (k / 3) for k in range(FIRST, LAST + 1)]
    return [hertz for hertz in all_of_them if edges(hertz)[1] <= sample_rate / 2]


def edges(centre: float) -> tuple[float, float]:
    """Where a band begins and ends, in Hz."""
    return centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)


def bands(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of each band in dBFS, RMS `[bands]`; their energies add up to the whole's.

    Bins are shared out between two bands in proportion, so that low bands of a short
    sound are no steps.

    Shapes:
        x `[t]`
    """
    power = 2 * np.abs(np.fft.rfft(np.asarray(x, np.float64)) / x.size) ** 2
    width = sample_rate / x.size
    ends = (np.arange(power.size) + 0.5) * width
    below = np.concatenate([[0.0], np.cumsum(power)])
    found = [
        np.diff(
            np.interp(edges(centre), np.concatenate([[ends[0] - width], ends]), below)
        )
        for centre in centres(sample_rate)
    ]
    return 10 * np.log10(np.maximum(np.ravel(found), 10 ** (LOWEST_DBFS / 10)))
