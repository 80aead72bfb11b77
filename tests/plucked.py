"""Playing and an amp for tests of what is measured in recordings: short, and quick."""

import numpy as np
import scipy.signal

RATE = 48_000


def playing(seconds: float, seed: int = 0) -> np.ndarray:
    """Plucked, decaying harmonic notes with a little of a pickup's noise."""
    rng = np.random.default_rng(seed)
    length = int(seconds * RATE)
    note = RATE // 4
    time = np.arange(note) / RATE
    audio = 1e-4 * rng.standard_normal(length)
    for start in range(0, length - note, note):
        pitch = 82.4 * 2 ** (rng.integers(0, 30) / 12)
        first = np.exp((2j * np.pi * pitch - 2) * time)  # its powers are the others
        harmonic = 0.2 * np.exp(-6 * time)
        for k in range(1, 24):
            harmonic = harmonic * first
            turned = np.exp(1j * rng.uniform(0, 2 * np.pi)) / k
            audio[start : start + note] += (turned * harmonic).imag
        audio[start : start + 96] += 0.05 * rng.standard_normal(96)
    return audio.astype(np.float32)


def amp(audio: np.ndarray, drive: float = 4.0, sign: float = 1.0) -> np.ndarray:
    """A causal filter, a soft clip, and a speaker's roll-off, without latency."""
    b, a = scipy.signal.butter(1, [80, 6000], "band", fs=RATE)
    clipped = np.tanh(drive * scipy.signal.lfilter(b, a, audio))
    b, a = scipy.signal.butter(1, 5000, "low", fs=RATE)
    return (0.5 * sign * scipy.signal.lfilter(b, a, clipped)).astype(np.float32)


def late(audio: np.ndarray, delay: int) -> np.ndarray:
    """The audio after `delay` zeros, as long as before."""
    return np.concatenate([np.zeros(delay, np.float32), audio])[: len(audio)]


def stretched(audio: np.ndarray, ppm: float) -> np.ndarray:
    """As a recorder hears it whose clock is fast by some parts in a million."""
    fine = scipy.signal.resample_poly(audio, 16, 1)
    places = 16 * np.arange(len(audio)) * (1 - 1e-6 * ppm)
    return np.interp(places, np.arange(len(fine)), fine).astype(np.float32)
