"""The multi-resolution spectral distance of whole recordings, in constant memory.

The training loss sees one window at a time; this one hears a recording of any
length and gives the number that a single transform of all of it would give.
"""

import numpy as np
from numpy.typing import ArrayLike

from jaxamp.dsp.spectrum import MULTI_RESOLUTION, POWER_FLOOR, Resolution, hann

PIECE = 2**15
"""Samples analysed at once; the frames of one piece take about 10 MB."""


class SpectralTotals:
    """Adds up the MRSTFT of a prediction and its target, piece by piece."""

    def __init__(self):
        self._resolutions = [_ResolutionTotals(r) for r in MULTI_RESOLUTION]

    def update(self, prediction: ArrayLike, target: ArrayLike) -> None:
        """Hears the next samples `[t]` of both."""
        pair = np.stack([prediction, target])
        for start in range(0, pair.shape[1], PIECE):
            for totals in self._resolutions:
                totals.update(pair[:, start : start + PIECE])

    @property
    def mrstft(self) -> float:
        """Spectral convergence plus log distance, as if heard in one go."""
        return float(np.mean([totals.distance() for totals in self._resolutions]))


def mrstft(prediction: ArrayLike, target: ArrayLike) -> float:
    """Multi-resolution spectral distance of a whole signal `[t]`; 0 is perfect."""
    totals = SpectralTotals()
    totals.update(prediction, target)
    return totals.mrstft


class _ResolutionTotals:
    """One resolution's sums, and the end of the signal that frames still need."""

    def __init__(self, resolution: Resolution):
        self._resolution = resolution
        self._window = hann(resolution.window)
        self._half = resolution.window // 2
        self._pending = np.zeros((2, 0))
        self._started = False
        # Of (|T| - |Y|)^2, |T|^2, |log(Y/T)|, and how many bins that were.
        self._sums = np.zeros(4)

    def update(self, pair: np.ndarray) -> None:
        self._pending = np.concatenate([self._pending, pair], axis=1)
        if not self._started:
            if self._pending.shape[1] <= self._half:
                return
            self._pending = _mirrored(self._pending, before=self._half)
            self._started = True
        _, hop, window = self._resolution
        self._sums += self._measure(self._pending)
        frames = max(0, (self._pending.shape[1] - window) // hop + 1)
        self._pending = self._pending[:, frames * hop :]

    def distance(self) -> float:
        if not self._pending.size:
            return 0.0
        before = 0 if self._started else self._half
        ending = _mirrored(self._pending, before=before, after=self._half)
        missed, power, logs, bins = self._sums + self._measure(ending)
        return float(np.sqrt(missed / power) + logs / bins)

    def _measure(self, pair: np.ndarray) -> np.ndarray:
        """The sums over all frames that fit into `pair`."""
        fft_size, hop, window = self._resolution
        if pair.shape[1] < window:
            return np.zeros(4)
        frames = np.lib.stride_tricks.sliding_window_view(pair, window, axis=1)
        spectrum = np.fft.rfft(frames[:, ::hop] * self._window, fft_size)
        power = np.maximum(spectrum.real**2 + spectrum.imag**2, POWER_FLOOR)
        (prediction, target), logs = np.sqrt(power), np.log(power[0] / power[1])
        return np.array(
            [
                np.sum((target - prediction) ** 2),
                np.sum(power[1]),
                np.sum(np.abs(logs)) / 2,
                logs.size,
            ]
        )


def _mirrored(pair: np.ndarray, before: int = 0, after: int = 0) -> np.ndarray:
    return np.pad(pair, ((0, 0), (before, after)), mode="reflect")
