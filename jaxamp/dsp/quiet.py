"""What a recording holds while nothing is played: hiss, and hum of the mains.

Noise cannot be learned: its energy over the playing's is an ESR that no model gets
below. It is heard where the input is digitally silent, once the last note has died.
"""

from typing import NamedTuple

import numpy as np

SILENCE = 1e-5
"""Input samples up to here count as silence: -100 dBFS."""

SHORTEST = 0.15
"""Seconds of silence that can be listened to; its first half, or half second, is left
to the note before it."""

MAINS = (50, 60)
OTHERS = (45, 55, 65)
"""Hz; combs that no mains makes, to tell hum from what merely has low tones."""

_HARMONICS = 8
_SETTLED, _LISTENED = 0.5, 0.5  # seconds
_MOST = 16
_ABOVE_OTHERS = 2.0
"""Of power. In a tenth of a second 55 Hz still resembles 50 Hz by 0.4."""


class Noise(NamedTuple):
    """The median over all silences, RMS of full scale."""

    rms: float
    """Hiss, hum and all."""
    hum: float
    """The part of it at multiples of the mains; 0 where there is none."""
    mains: int
    """50 or 60 Hz; 0 where there is no hum."""


def noise(x: np.ndarray, y: np.ndarray, sample_rate: int) -> Noise | None:
    """The noise where the input is silent; None where it never is for long enough.

    Shapes:
        x, y `[t]`, aligned
    """
    places = silences(x, sample_rate)
    if not places:
        return None
    longest = sorted(places, key=lambda place: place[0] - place[1])[:_MOST]
    powers = [
        _powers(y[start:end].astype(np.float64), sample_rate) for start, end in longest
    ]
    # Not the mean: after some notes the amp itself still sounds.
    total, *combs = np.median(np.array(powers), axis=0)
    of_mains, others = combs[: len(MAINS)], combs[len(MAINS) :]
    loudest = int(np.argmax(of_mains))
    if of_mains[loudest] <= _ABOVE_OTHERS * max(others):
        return Noise(float(np.sqrt(total)), 0.0, 0)
    hum = float(np.sqrt(of_mains[loudest]))
    return Noise(float(np.sqrt(total)), hum, MAINS[loudest])


def silences(x: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
    """Stretches of silence that are long enough, their beginnings left out.

    Shapes:
        x `[t]` -> places in it
    """
    silent = np.abs(x) <= SILENCE
    edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)
    listened = int(_LISTENED * sample_rate)
    found = []
    for start, end in edges:
        if end - start >= SHORTEST * sample_rate:
            settled = start + min(int(_SETTLED * sample_rate), (end - start) // 2)
            found.append((int(settled), int(min(end, settled + listened))))
    return found


def _powers(audio: np.ndarray, sample_rate: int) -> list[float]:
    audio = audio - audio.mean()
    combs = [_comb(audio, hertz, sample_rate) for hertz in (*MAINS, *OTHERS)]
    return [float(np.mean(audio**2)), *combs]


def _comb(audio: np.ndarray, hertz: float, sample_rate: int) -> float:
    """The power at the first multiples of a frequency, by least squares.

    A slope is fitted beside them, since a voltage that still settles has some of every
    frequency.
    """
    turns = np.arange(len(audio))[:, None] * np.arange(1, _HARMONICS + 1) * hertz
    angle = 2 * np.pi * turns / sample_rate
    level = np.ones((len(audio), 1))
    slope = np.linspace(-1, 1, len(audio))[:, None]
    basis = np.hstack([np.sin(angle), np.cos(angle), level, slope])
    # A quarter second tells the tones apart so well that the plain equations are exact
    # enough, and thirty times quicker than a factorisation.
    weights = np.linalg.solve(basis.T @ basis, basis.T @ audio)
    return float(np.mean((basis[:, :-2] @ weights[:-2]) ** 2))
