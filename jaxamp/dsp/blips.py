"""The delay as blips show it: clicks that stand alone in digital silence."""

import numpy as np

from jaxamp.dsp.align import Delay, crossing

BLIP_SPREAD = 20
"""Samples; blips that disagree by as many are not to be trusted."""

_BLIP_WIDTH = 16
_BLIP_LEVEL = 0.02
_BLIP_SILENCE = 1e-5
_BLIP_LEAD = 2400


def from_blips(x: np.ndarray, y: np.ndarray, search: tuple[int, int]) -> Delay | None:
    """The rule of the field's standard captures, wherever blips are found.

    The background is the loudest sample of a silent stretch before the window, and
    the delay the first sample louder than it by 0.0003, blips averaged.
    """
    places = blips(x, search)
    if not places:
        return None
    lowest, highest = search
    signs = np.sign(x[places])
    windows = np.stack(
        [
            sign * y[place + lowest - _BLIP_LEAD // 2 : place + highest]
            for place, sign in zip(places, signs, strict=True)
        ]
    )
    arrivals = [_first_crossing(np.abs(window), lowest) for window in windows]
    mean = windows.mean(axis=0)
    arrival = _first_crossing(np.abs(mean), lowest)
    if arrival is None:
        return None
    known = [each[0] for each in arrivals if each is not None]
    warnings = []
    if known and max(known) - min(known) >= BLIP_SPREAD:
        listed = ", ".join(str(round(each)) for each in known)
        warnings.append(
            f"The blips disagree about the delay by {max(known) - min(known):.0f} "
            f"samples ({listed}): the recording may have drifted, or an effect with "
            "memory of its own was on. Listen to the start before trusting it."
        )
    exact, confidence = arrival
    polarity = int(np.sign(mean[np.argmax(np.abs(mean))]))
    samples = int(np.ceil(exact))
    return Delay(samples, exact, polarity, confidence, "blips", tuple(warnings))


def blips(x: np.ndarray, search: tuple[int, int]) -> list[int]:
    """Where a click stands alone, with silence for the whole window around it."""
    lowest, highest = search
    loud = np.flatnonzero(np.abs(x) > _BLIP_SILENCE)
    if not len(loud):
        return []
    first = np.flatnonzero(np.diff(loud, prepend=-(10**9)) > _BLIP_LEAD - lowest)
    last = np.append(first[1:], len(loud)) - 1
    ends = np.append(loud[first[1:]], len(x))
    places = [
        int(loud[begin])
        for begin, end, silent_until in zip(first, last, ends, strict=True)
        if loud[end] - loud[begin] < _BLIP_WIDTH
        and silent_until - loud[begin] >= highest
        and loud[begin] >= _BLIP_LEAD - lowest
    ]
    level = [float(np.abs(x[p : p + _BLIP_WIDTH]).max()) for p in places]
    loudest = max(level, default=0.0)
    if loudest < _BLIP_LEVEL:
        return []
    return [p for p, v in zip(places, level, strict=True) if v >= loudest / 2]


def _first_crossing(window: np.ndarray, lowest: int) -> tuple[float, float] | None:
    """Sub-sample place and ratio of the first sample above the background."""
    lead = _BLIP_LEAD // 2
    background = float(window[:lead].max())
    threshold = max(background + 0.0003, 1.001 * background)
    above = np.flatnonzero(window[lead:] > threshold)
    if not len(above):
        return None
    place = lead + int(above[0])
    ratio = float(window.max()) / threshold
    return crossing(window, place, threshold) - lead + lowest, ratio
