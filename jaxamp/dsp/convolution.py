"""Convolution with a long response, block by block and without a sample of delay."""

import numpy as np
from numpy.typing import ArrayLike


class Convolver:
    """What a cabinet answers: `y = convolver(x)`, for blocks of any length.

    The response is cut into partitions. Whole partitions of the past are kept as
    spectra; the newest one is transformed again whenever more of it arrives, so the
    answer never waits for it to be full. Cheapest where blocks are as long as
    partitions: one transform each way. Computed in double precision.

    Args:
        response: Impulse response `[any]`.
        partition: Samples; as long as the usual block.

    Source:
        Uniformly partitioned overlap-save; Wefers 2015, chapter 5.
    """

    def __init__(self, response: ArrayLike, partition: int):
        response = np.asarray(response, np.float64)
        if response.ndim != 1 or not response.size or partition < 1:
            raise ValueError(
                f"A response of shape {response.shape} in partitions of {partition} "
                "cannot be convolved with: give one or more samples of each."
            )
        count = -(-response.size // partition)
        padded = np.zeros(count * partition)
        padded[: response.size] = response
        spectra = np.fft.rfft(padded.reshape(count, partition), 2 * partition, axis=1)
        self._partition, self._count = partition, count
        self._first = spectra[0]
        # [count - now : 2 count - now] of this meets the ring's spectra, oldest to
        # newest as they lie there, whichever of them is the present one.
        backwards = (-np.arange(2 * count)) % count
        self._spectra = spectra[backwards]
        self.forget()

    def forget(self) -> None:
        """Goes back to silence."""
        self._heard = np.zeros((self._count, self._partition + 1), np.complex128)
        self._now, self._filled = 0, 0
        self._recent = np.zeros(2 * self._partition)
        """The partition before, and what has arrived of the present one."""
        self._older = np.zeros(self._partition + 1, np.complex128)
        """What all partitions but the present one add to its spectrum."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The answer to the next samples `[t]`, in their own precision."""
        y = np.empty_like(x)
        done = 0
        while done < x.size:
            part = x[done : done + self._partition - self._filled]
            y[done : done + part.size] = self._answer(part)
            done += part.size
        return y

    def _answer(self, part: np.ndarray) -> np.ndarray:
        """To samples that all belong to the present partition."""
        if not self._filled:
            self._heard[self._now] = 0
            meeting = self._spectra[self._count - self._now :][: self._count]
            self._older = np.einsum("pf,pf->f", self._heard, meeting)
        start = self._partition + self._filled
        self._recent[start : start + part.size] = part
        self._filled += part.size
        spectrum = np.fft.rfft(self._recent)
        whole = np.fft.irfft(self._older + spectrum * self._first)
        if self._filled == self._partition:
            self._turn(spectrum)
        return whole[start : start + part.size]

    def _turn(self, spectrum: np.ndarray) -> None:
        """Keeps the spectrum of a partition that is full."""
        self._heard[self._now] = spectrum
        self._now = (self._now + 1) % self._count
        self._recent[: self._partition] = self._recent[self._partition :]
        self._recent[self._partition :] = 0
        self._filled = 0
