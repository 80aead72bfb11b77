"""Whether the recorder's clock ran with the player's, to hundredths of a sample.

Two devices on clocks of their own drift apart by some parts in a million: after three
minutes at 20 ppm, by 170 samples. A passage that was played twice shows it directly;
otherwise the answer to the input is compared from one end of the recording to the
other.
"""

import itertools
from typing import NamedTuple

import numpy as np

from jaxamp.dsp import arrival
from jaxamp.dsp.align import align

LONGEST_SEGMENT = 8.0  # seconds
SEGMENTS = (8, 24)
FEWEST = 6
"""Segments that must show the same answer for a drift to be believed."""

SHORTEST = 20.0
"""Seconds; within less, no clock drifts by what could be heard."""

_FRAME = 4096
_REACH, _LONGEST = 1024, 900  # samples
_PASSAGES_SCATTER = 0.05  # samples
_ALIKE = 0.3
"""Correlation of the answers of two segments, of which noise alone shows 0.2."""


class Drift(NamedTuple):
    """How far the recording slides against its input."""

    samples: float
    """From the first sample to the last; positive where the recorder ran fast, so that
    the recording trails more and more."""
    ppm: float
    uncertainty: float
    """Standard deviation of `samples` by the scatter of the segments."""
    method: str
    """`passages` or `signals`."""


def lag(one: np.ndarray, other: np.ndarray, reach: int) -> tuple[float, float]:
    """By how much `other` trails `one`, to a fraction of a sample, and how alike it is.

    Returns:
        The lag of the largest correlation within `reach`, and that correlation.

    Shapes:
        one, other `[t]`
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    size = 1 << (2 * max(len(one), len(other)) - 1).bit_length()
    spectrum = np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size)
    near = np.fft.irfft(spectrum, size)[np.arange(-reach - 1, reach + 2)]
    place = 1 + int(np.argmax(near[1:-1]))
    before, peak, after = near[place - 1 : place + 2]
    bend = before - 2 * peak + after
    fraction = 0.5 * (before - after) / bend if bend < 0 else 0.0
    scale = np.sqrt(np.dot(one, one) * np.dot(other, other)) + 1e-30
    return place - 1 - reach + float(np.clip(fraction, -0.5, 0.5)), float(peak / scale)


def drift_of_passages(
    first: np.ndarray, second: np.ndarray, apart: int, length: int
) -> Drift:
    """The drift that two recordings of one passage show.

    Args:
        apart: Samples from the one to the other in the input.
        length: Samples of the whole input, which the drift is stated for.
    """
    slid, _ = lag(first, second, _REACH)
    # Both passages are the same, so that nothing scatters but the noise.
    uncertainty = _PASSAGES_SCATTER * length / apart
    return Drift(slid * length / apart, 1e6 * slid / apart, uncertainty, "passages")


def drift_of_signals(
    x: np.ndarray, y: np.ndarray, sample_rate: int, search: tuple[int, int]
) -> Drift | None:
    """The drift that the playing itself shows; None where that cannot be told.

    In each of up to 24 segments the answer to what in the input could not be foreseen
    is measured; a straight line is laid through their lags against the clearest.
    On five amps, one of high gain, it is within 0.5 samples in five minutes.

    Shapes:
        x, y `[t]`
    """
    length = min(len(x), len(y))
    if length < SHORTEST * sample_rate:
        return None
    near = arrival.neighbourhood(x, y, sample_rate, search)
    answers = _answers(*align(x, y, near - _REACH), sample_rate)
    if len(answers) < FEWEST:
        return None
    _, clearest = max(answers, key=lambda answer: _clearness(answer[1]))
    lags = [(place, *lag(clearest, answer, _LONGEST)) for place, answer in answers]
    known = np.array([(place, slid) for place, slid, alike in lags if alike >= _ALIKE])
    if len(known) < FEWEST:
        return None
    places, slid = known.T
    slope = _middle_slope(places, slid)
    rest = slid - slope * places
    scatter = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    # Of the ends of a line through n evenly spread points.
    uncertainty = scatter * np.sqrt(12 / len(known))
    return Drift(slope * length, 1e6 * slope, float(uncertainty), "signals")


def _answers(
    x: np.ndarray, y: np.ndarray, sample_rate: int
) -> list[tuple[float, np.ndarray]]:
    """Where the segments lie that sound, and what the target answers in each."""
    length = min(len(x), len(y))
    wanted = int(length / (LONGEST_SEGMENT * sample_rate))
    count = min(max(wanted, SEGMENTS[0]), SEGMENTS[1])
    edges = np.linspace(0, length, count + 1).astype(int)
    answers = []
    for begin, end in itertools.pairwise(edges):
        of_x, of_y = x[begin:end], y[begin:end]
        most = int(1.5 * LONGEST_SEGMENT * sample_rate)
        starts = arrival.loudest(of_x, of_y, _FRAME, most)
        answer = arrival.heard(of_x, of_y, starts, _FRAME)[: 2 * _REACH]
        if np.any(answer):
            answers.append(((begin + end) / 2, answer))
    return answers


def _clearness(answer: np.ndarray) -> float:
    """How far an answer rises above what is heard at other lags."""
    return float(np.abs(answer).max() / np.median(np.abs(answer)))


def _middle_slope(places: np.ndarray, values: np.ndarray) -> float:
    """The median of the slopes between any two points.

    Source:
        Theil 1950, Sen 1968.
    """
    i, j = np.triu_indices(len(places), 1)
    return float(np.median((values[j] - values[i]) / (places[j] - places[i])))
