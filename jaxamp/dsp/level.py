"""How loud something is: RMS, decibels and LUFS, on the host in double precision."""

import numpy as np
import scipy  # imports its parts when they are first used
from numpy.typing import ArrayLike

GATE_LUFS = -70.0
"""What is quieter counts as silence, and silence is given this loudness."""
RELATIVE_GATE_LU = -10.0
STEPS_PER_BLOCK = 4
"""Gating blocks last 400 ms and start every 100 ms."""


def rms(x: ArrayLike) -> float:
    """Root of the mean square; a full-scale sine has 0.707."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def decibels(amplitude: float) -> float:
    """A ratio of amplitudes in dB; zero is minus infinity."""
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(amplitude))


def amplitude(decibels: float) -> float:
    """The ratio of amplitudes that a number of dB stands for."""
    return float(10 ** (decibels / 20))


def lufs(x: ArrayLike, sample_rate: int) -> float:
    """Loudness of a whole mono signal `[t]` as broadcasters measure it."""
    meter = LoudnessMeter(sample_rate)
    meter.update(x)
    return meter.result()


class LoudnessMeter:
    """Measures LUFS of a mono signal that arrives in pieces of any length.

    Only the energy of each 100 ms is kept, so an hour costs 36,000 numbers and the
    result does not depend on where the pieces were cut. A signal shorter than one
    400 ms block is measured as one block; silence reads -70.

    Source:
        ITU-R BS.1770-4, with pyloudnorm's K-weighting filters.
    """

    def __init__(self, sample_rate: int):
        # It imports the whole of scipy.signal, which takes a second.
        from pyloudnorm.iirfilter import IIRfilter  # noqa: PLC0415

        self._step = sample_rate // 10
        self._stages = [
            IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate, "high_shelf"),
            IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
        ]
        self._memories = [np.zeros(2) for _ in self._stages]
        self._rest = np.zeros(0)
        self._energies = np.zeros(0)

    def update(self, x: ArrayLike) -> None:
        """Hears the next samples `[t]`."""
        weighted = np.asarray(x, np.float64)
        if not weighted.size:
            return  # lfilter forgets its memory when it is given nothing
        for i, stage in enumerate(self._stages):
            weighted, self._memories[i] = scipy.signal.lfilter(
                stage.b, stage.a, weighted, zi=self._memories[i]
            )
        pending = np.concatenate([self._rest, weighted])
        whole = len(pending) // self._step * self._step
        energies = np.sum(pending[:whole].reshape(-1, self._step) ** 2, axis=1)
        self._energies = np.concatenate([self._energies, energies])
        self._rest = pending[whole:]

    def result(self) -> float:
        """LUFS of everything heard so far."""
        powers = self._block_powers()
        powers = powers[powers > _power(GATE_LUFS)]
        if not powers.size:
            return GATE_LUFS
        gate = np.mean(powers) * 10 ** (RELATIVE_GATE_LU / 10)
        return float(-0.691 + 10 * np.log10(np.mean(powers[powers > gate])))

    def _block_powers(self) -> np.ndarray:
        if len(self._energies) < STEPS_PER_BLOCK:
            samples = len(self._energies) * self._step + len(self._rest)
            energy = np.sum(self._energies) + np.sum(self._rest**2)
            return np.array([energy / max(samples, 1)])
        energies = np.convolve(self._energies, np.ones(STEPS_PER_BLOCK), "valid")
        return energies / (STEPS_PER_BLOCK * self._step)


def _power(loudness: float) -> float:
    return 10 ** ((loudness + 0.691) / 10)
