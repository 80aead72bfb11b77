"""Whether something shuts the sound off while quiet notes still play: a noise gate.

An amp turns quiet playing up at least as much as loud playing; most compress. Quiet
playing that disappears was taken away by a gate, which no amp's model should learn.
"""

import numpy as np
import scipy  # imports its parts when they are first used

FRAME = 1024
RANGE_DB = 60.0
"""Playing quieter than this below the loudest is not listened to: it may be noise."""

SHUT_DB = 30.0
"""A frame is shut where the gain lies so far below that of loud playing. The deepest
seen without a gate, in 25 recordings of 9 amps, is 8 dB; on test signals, 10."""

FEWEST = 3
"""Frames in a row, 64 ms at 48 kHz."""


def shut(x: np.ndarray, y: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """How long the recording is shut off though the input plays.

    Returns:
        Seconds, and the loudest of that input in dBFS RMS (-inf where there is none).

    Shapes:
        x, y `[t]`, aligned
    """
    edges = [80, min(5000, 0.4 * sample_rate)]
    band = scipy.signal.butter(2, edges, "band", fs=sample_rate, output="sos")
    into = _levels(scipy.signal.sosfilt(band, x))
    gain = _levels(y)[: len(into)] - into
    if not len(into):
        return 0.0, -np.inf
    top = float(np.percentile(into, 98))
    loud = gain[into > top - 12]
    if not len(loud):
        return 0.0, -np.inf
    playing = into > top - RANGE_DB
    dead = _in_a_row(playing & (gain < np.percentile(loud, 10) - SHUT_DB))
    return float(dead.sum()) * FRAME / sample_rate, float(
        np.max(into[dead], initial=-np.inf)
    )


def _levels(audio: np.ndarray) -> np.ndarray:
    """RMS of each frame in dBFS."""
    count = len(audio) // FRAME
    frames = np.asarray(audio[: count * FRAME], np.float64).reshape(count, FRAME)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-14)


def _in_a_row(flags: np.ndarray) -> np.ndarray:
    """True only where at least `FEWEST` in a row are."""
    window = np.ones(FEWEST)
    full = np.convolve(flags, window, "valid") == FEWEST
    return np.convolve(full, window, "full")[: len(flags)] > 0
