"""An hour of audio made on the fly: playing, silence, fading tails and worse.

Piece i is the same whenever it is asked for, so nothing has to be kept.
"""

import numpy as np

RATE = 48_000
PIECE = 491_520
"""Samples of a piece, 10.24 s: whole blocks of 64 and of 512."""

KINDS = ("playing", "loud", "silence", "tail", "denormal", "odd")
"""What pieces hold, in turn."""

SMALLEST_NORMAL = np.float32(1.1754944e-38)


def piece(index: int, di: np.ndarray, length: int = PIECE) -> np.ndarray:
    """The piece of a number, `[length]`, float32."""
    rng = np.random.default_rng([18, index])
    start = int(rng.integers(0, len(di)))
    phrase = np.take(di, np.arange(start, start + length), mode="wrap")
    noise = rng.standard_normal(length, dtype=np.float32)
    made = {
        "playing": lambda: phrase + 1e-3 * noise,
        # +12 dB: peaks near 4, as no interface would record them
        "loud": lambda: 4.0 * phrase / np.abs(di).max() + 1e-3 * noise,
        "silence": lambda: np.zeros(length),
        # from full scale down to the smallest number there is
        "tail": lambda: phrase * np.exp(np.linspace(0.0, -103.0, length)),
        "denormal": lambda: 1e-40 * noise.astype(np.float64),
        "odd": lambda: odd(noise, length),
    }
    return made[kind(index)]().astype(np.float32)


def kind(index: int) -> str:
    """What a piece holds."""
    return KINDS[index % len(KINDS)]


def odd(noise: np.ndarray, length: int) -> np.ndarray:
    """Direct current, a square wave at full scale, clicks, and the highest tone."""
    time = np.arange(length)
    fourth = time * 4 // length
    square = np.where(time // 240 % 2, 1.0, -1.0)
    clicks = np.where(time % 4801, 0.0, 1.0)
    highest = np.where(time % 2, 0.9, -0.9)
    parts = [0.5 + 1e-3 * noise, square, clicks, highest]
    return np.choose(fourth, parts)
