"""Spectrograms of a clip side by side, each with its axes."""

from collections.abc import Mapping

import numpy as np

from jaxamp.report.analysis.spectrogram import (
    DEPTH_DB,
    LOWEST_HERTZ,
    picture,
    spectrogram,
)
from jaxamp.report.page import text

WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, BELOW = 38, 14, 24
"""Room for the axes' numbers, in the picture's own units."""

HERTZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def spectra(audio: Mapping[str, np.ndarray], sample_rate: int, target: str) -> str:
    """The figures' HTML, all in the colours of the target's loudest moment.

    Args:
        audio: name -> samples `[t]` of one length.
    """
    found = {name: spectrogram(one, sample_rate) for name, one in audio.items()}
    loudest = float(np.max(found[target]))
    seconds = next(iter(audio.values())).size / sample_rate
    return "".join(
        f"<figure><h3>{text(name.capitalize())}</h3>"
        f"{drawn(name, picture(one, loudest), seconds, sample_rate)}</figure>\n"
        for name, one in found.items()
    )


def drawn(name: str, address: str, seconds: float, sample_rate: int) -> str:
    """One picture with its axes, as SVG."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - BELOW - 8
    label = f"Spectrogram of the {name}: {seconds:.1f} s, {LOWEST_HERTZ:g} Hz to "
    marks = [
        line_and_words(LEFT - 4, 8 + high * (1 - height), said, "end", "middle")
        for said, height in pitches(sample_rate)
    ]
    marks += [
        line_and_words(LEFT + wide * share, HEIGHT - 8, said, "middle", "auto")
        for said, share in moments(seconds)
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" width="100%" '
        f'aria-label="{text(label)}{sample_rate / 2000:g} kHz">'
        f'<image x="{LEFT}" y="8" width="{wide}" height="{high}" '
        f'preserveAspectRatio="none" href="{address}"/>{"".join(marks)}</svg>'
    )


def line_and_words(x: float, y: float, said: str, anchor: str, baseline: str) -> str:
    """The number at a tick."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" '
        f'dominant-baseline="{baseline}" fill="currentColor">{said}</text>'
    )


def pitches(sample_rate: int) -> list[tuple[str, float]]:
    """Frequencies with a tick, and how high they are in the picture, 0 to 1."""
    whole = np.log(sample_rate / 2 / LOWEST_HERTZ)
    return [
        (f"{hertz // 1000}k" if hertz >= 1000 else str(hertz),
         float(np.log(hertz / LOWEST_HERTZ) / whole))
        for hertz in HERTZ
        if hertz < sample_rate / 2
    ]  # fmt: skip


def moments(seconds: float) -> list[tuple[str, float]]:
    """Times with a tick, and how far to the right they are, 0 to 1."""
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 600, 6000)
                if seconds / s <= 7 or s == 6000)  # fmt: skip
    count = int(seconds / step + 1e-6)
    return [
        (f"{i * step:g}" + " s" * (i == count), i * step / seconds)
        for i in range(count + 1)
    ]


CAPTION = (
    "Time runs to the right, pitch goes up, and brighter is louder, over "
    f"{DEPTH_DB:g} dB. Horizontal lines are the overtones of a note, vertical ones its "
    "attack. Target and prediction should look alike; all pictures share one scale of "
    "colours, so the darker the difference, the better."
)
