"""How long sound takes from the program out through a cable and in again."""

import numpy as np

from jaxamp.core import CaptureError
from jaxamp.dsp.align import Delay
from jaxamp.dsp.blips import from_blips

CLICKS = 4
LEVEL = 0.5
QUIET_SECONDS = 0.5
"""Around each click; the answer comes within half of it."""

CERTAIN = 5.0
"""How many times an answer must rise above what is heard before it."""


def clicks(sample_rate: int) -> np.ndarray:
    """What is played: clicks of one sample, far apart, `[t]` float32."""
    quiet = round(QUIET_SECONDS * sample_rate)
    signal = np.zeros((CLICKS + 1) * quiet, np.float32)
    signal[quiet::quiet][:CLICKS] = LEVEL
    return signal


class Clicks:
    """Plays the clicks and keeps what is heard meanwhile, block after block."""

    def __init__(self, sample_rate: int):
        self.played = clicks(sample_rate)
        self.heard = np.zeros_like(self.played)
        self.seconds = len(self.played) / sample_rate
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether all was played."""
        return self._at >= len(self.played)

    def play(self, x: np.ndarray) -> np.ndarray:
        """The next of the clicks, for what was heard."""
        y = np.zeros_like(x)
        part = self.played[self._at : self._at + x.size]
        y[: part.size] = part
        self.heard[self._at : self._at + x.size] = x[: part.size]
        self._at += x.size
        return y


def round_trip(played: np.ndarray, recorded: np.ndarray, sample_rate: int) -> Delay:
    """By how much the recording trails.

    Raises:
        CaptureError: Nothing came back, or not the same each time.
    """
    longest = round(QUIET_SECONDS * sample_rate / 2)
    found = from_blips(played, recorded, (0, longest))
    if found is None or found.confidence < CERTAIN:
        loudest = 20 * np.log10(np.abs(recorded).max(initial=0.0) + 1e-9)
        raise CaptureError(
            f"The clicks that were played did not come back within "
            f"{1000 * longest / sample_rate:.0f} ms; the loudest that was heard is "
            f"{loudest:.0f} dBFS. Connect the output to the input with a cable (no "
            "loudspeaker, no guitar), check --channel and both level controls, and "
            "measure again."
        )
    if found.warnings:
        raise CaptureError(
            f"The clicks came back at different times: {found.warnings[0]} Or blocks "
            "were dropped: try a longer --block."
        )
    return found
