"""A cabinet's impulse response, read from a file for one sample rate."""

import math
import os

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import CaptureError
from jaxamp.core.shown import shown
from jaxamp.data.audio import read_audio, read_header

LONGEST_SECONDS = 5.0
"""Cabinets ring for some tenths of a second, rooms for some seconds."""

HIGHEST_RATIO = 1_000
"""Of the numbers that two sample rates are to each other when shortened."""


def read_cabinet(
    path: str | os.PathLike[str], sample_rate: int, channel: int | str | None = None
) -> np.ndarray:
    """The response `[any]`, float32, as loud as it is in the file.

    One of another sample rate is converted, so that it colours the sound as it did
    at its own; above the lower rate's half there is nothing. Digital silence at the
    end is cut off.

    Args:
        channel: Of a file with several: counted from 0, or `left` or `right`.

    Raises:
        CaptureError: Whatever `read_audio` refuses; silence; longer than 5 seconds.
    """
    header = read_header(path)
    if header.frames > LONGEST_SECONDS * header.sample_rate:
        raise CaptureError(
            f"{shown(path)} lasts {header.frames / header.sample_rate:.1f} s; the "
            f"impulse response of a cabinet is at most {LONGEST_SECONDS:g} s long. If "
            "it is one, cut off its quiet end in an audio editor."
        )
    samples = read_audio(path, channel).samples
    loud = np.flatnonzero(samples)
    if not loud.size:
        raise CaptureError(
            f"{shown(path)} is silent, so everything played through it would be. Give "
            "the impulse response of a cabinet."
        )
    return converted(samples[: loud[-1] + 1], header.sample_rate, sample_rate)


def converted(response: np.ndarray, given: int, wanted: int) -> np.ndarray:
    """A response at another sample rate, with the gain it has at its own.

    A response is summed over its samples: of twice as many, each counts half. What
    the conversion would ring ahead of the first sample is left out rather than
    delaying all, and its energy made up; else a single sample would lose 2.5 dB.
    """
    if given == wanted:
        return response
    common = math.gcd(given, wanted)
    up, down = wanted // common, given // common
    if max(up, down) > HIGHEST_RATIO:
        raise CaptureError(
            f"An impulse response of {given} Hz cannot be converted to {wanted} Hz "
            "exactly. Export it again at a usual rate, such as 48000 Hz."
        )
    exact = response.astype(np.float64)
    longer = scipy.signal.resample_poly(exact, up, down) * (given / wanted)
    if wanted > given:  # else energy is lost rightly, above what the rate can hold
        longer *= np.sqrt(given / wanted * np.sum(exact**2) / np.sum(longer**2))
    return longer.astype(np.float32)
