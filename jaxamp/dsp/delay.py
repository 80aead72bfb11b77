"""How long the sound takes from the input to the recording.

The peak of the cross-correlation is not the delay: behind a cabinet it lies where the
response is largest, tens of samples after it begins, and a model that is given such a
delay is asked to know the future. What counts is the first arrival. Blips show it
directly; without them it is found in the playing.
"""

import numpy as np

from jaxamp.core import CaptureError
from jaxamp.dsp.align import Delay
from jaxamp.dsp.arrival import from_signals
from jaxamp.dsp.blips import from_blips

SEARCH = (-1000, 10_000)
"""Samples of delay that are looked for, the field's window around a blip."""

UNCERTAIN = 8
"""Samples; a target ahead of the input by no more is taken to answer at once: the
filters of converters ring ahead of the sound, and the rise is extrapolated."""


def measure_delay(
    input: np.ndarray,
    target: np.ndarray,
    sample_rate: int,
    search: tuple[int, int] = SEARCH,
    blips_end: int | None = None,
) -> Delay:
    """Finds when the recording first answers the input.

    Blips are used where the input holds any: clicks that stand alone in digital
    silence. Otherwise the two signals themselves are compared, at most 240 seconds
    of them, the loudest. Polarity is reported and never changed.

    Args:
        blips_end: The sample by which all blips of a known signal are over; None
            looks for them everywhere.

    Raises:
        CaptureError: nothing in the window answers the input, the answer lies at the
            window's edge, or the target runs ahead of the input.

    Shapes:
        input `[t]`, target `[u]`; the longer one's end is not used.
    """
    length = min(len(input), len(target))
    # The constant part of an interface's output would look like an answer.
    x = np.asarray(input[:length], np.float32)
    y = np.asarray(target[:length], np.float32) - np.float32(np.mean(target))
    delay = from_blips(x[:blips_end], y[:blips_end], search)
    delay = delay or from_signals(x, y, sample_rate, search)
    _refuse_edges(delay, sample_rate, search)
    return delay


def _refuse_edges(delay: Delay, sample_rate: int, search: tuple[int, int]) -> None:
    lowest, highest = search
    margin = max(8, (highest - lowest) // 1000)
    found = f"The target answers the input after {delay.samples} samples "
    found += f"({1000 * delay.samples / sample_rate:.2f} ms)"
    if not lowest + margin <= delay.samples <= highest - margin:
        raise CaptureError(
            f"{found}, at the edge of the search window of {lowest} to {highest} "
            "samples, so the true delay may lie outside. Cut the silence before the "
            "recording in your audio editor, or state the delay as a number of samples."
        )
    if delay.samples < -UNCERTAIN:
        raise CaptureError(
            f"{found}: it runs ahead of its cause, which no amp can do. Check that "
            "input and target are not swapped, cut the surplus from the start of the "
            "input, or state the delay as a number of samples."
        )
