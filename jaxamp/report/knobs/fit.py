"""How much of a passage a page has room for, and how finely it is written.

The sound of all settings together has a budget of bytes. Clips are four seconds where
that fits; then shorter, down to two; then they are rounded more coarsely, which is
inaudible long before a passage becomes too short to hear anything in; and only then
they become shorter still.
"""

import dataclasses

import numpy as np

from jaxamp.report.analysis.excerpt import excerpt
from jaxamp.report.clips import BITS, flac

MOST_MEGABYTES = 8.0
"""Of all settings, as they lie in the page."""

LONGEST_SECONDS = 4.0

SHORTEST_SECONDS = 2.0
"""A bar at 120 to the minute; shorter only if it must be."""

FEWEST_BITS = 18
"""Rounded so, what is lost lies at -113 dBFS, 15 dB below what a CD leaves."""

BASE64 = 4 / 3
"""Bytes of text for one of a file."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """What was chosen."""

    seconds: float
    bits: int

    @property
    def lost_dbfs(self) -> float:
        """RMS of what rounding takes away."""
        return 20 * np.log10(2.0 ** (1 - self.bits) / np.sqrt(12))


def fitted(
    audio: np.ndarray, sample_rate: int, first: int, megabytes: float = MOST_MEGABYTES
) -> tuple[slice, Fit]:
    """Which samples of clips `[n, t]` are kept, and with how many bits.

    Args:
        first: The clip whose loudest moment is kept.
    """
    samples, room = audio.shape[1], megabytes * 1e6
    written = weight(audio, BITS)
    shortest = min(samples, round(SHORTEST_SECONDS * sample_rate))
    size = max(shortest, min(samples, int(samples * room / written)))
    # A bit less of each sample makes a FLAC file smaller by a bit for each.
    over = written * size / samples - room
    fewer = max(0, int(np.ceil(over * 8 / BASE64 / (len(audio) * size))))
    bits = max(FEWEST_BITS, BITS - fewer)
    if bits < BITS:
        size = min(size, int(samples * room / weight(audio, bits)))
    begin, end = excerpt(audio[first], sample_rate, max(1, size) / sample_rate)
    return slice(begin, end), Fit((end - begin) / sample_rate, bits)


def weight(audio: np.ndarray, bits: int) -> float:
    """Bytes that the clips take in a page."""
    return BASE64 * sum(len(flac(one, 48_000, bits)[0]) for one in audio)
