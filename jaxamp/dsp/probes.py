"""Chirps and noise that are the same to the last bit on every machine.

A signal that is recognised by its hash must not hang on the last digit of somebody's
sine. Phases and noise are integers here, and the sine is a polynomial: products and
sums of doubles, which every processor rounds alike.
"""

import itertools
import math

import numpy as np

_TERMS = 10
_ROWS = 14
_BITS = 20


def chirp(length: int, low: float, high: float, sample_rate: int) -> np.ndarray:
    """A sine that climbs from `low` to `high` Hz, equally long in every octave.

    Shapes:
        -> `[length]` float64, full scale
    """
    turn = 1 << 64
    # What is rounded here is a single number, to eleven digits.
    growth = round(math.expm1(math.log(high / low) / length) * (1 << 48))
    first = round(low * turn / sample_rate)
    steps = itertools.accumulate(
        range(length - 1), lambda step, _: step + (step * growth >> 48), initial=first
    )
    phase = np.cumsum(np.fromiter(steps, np.uint64, length))  # wraps at a whole turn
    return _sine((phase >> np.uint64(11)).astype(np.float64) / 2.0**53)


def pink_noise(length: int, seed: int) -> np.ndarray:
    """Noise with about equal power in every octave above 6 Hz at 48 kHz, RMS 1.

    Source:
        Voss's generator (Gardner 1978, Scientific American 238(4)): a sum of random
        numbers of which the k-th is drawn anew every 2^k samples.

    Shapes:
        -> `[length]` float64
    """
    total = np.zeros(length, np.int64)
    generator = np.random.PCG64(seed)
    for row in range(_ROWS):
        bits = generator.random_raw((length >> row) + 1) >> np.uint64(64 - _BITS)
        total += np.repeat(bits.astype(np.int64), 1 << row)[:length]
    centred = 2 * total - _ROWS * ((1 << _BITS) - 1)
    return centred / (2.0**_BITS * math.sqrt(_ROWS / 3))


def _sine(turns: np.ndarray) -> np.ndarray:
    """sin(2 pi t) for 0 <= t < 1, to 1e-13, out of products and sums alone."""
    from_middle = turns - 0.5
    beyond = np.abs(from_middle) > 0.25
    folded = np.where(beyond, np.copysign(0.5, from_middle) - from_middle, from_middle)
    angle = 2 * math.pi * folded
    square = angle * angle
    total = np.zeros_like(angle)
    for k in range(2 * _TERMS - 1, 0, -2):  # Horner, Taylor's series from its end
        sign = 1 if k % 4 == 1 else -1
        total = total * square + sign / math.factorial(k)
    return -total * angle
