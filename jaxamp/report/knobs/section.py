"""What a page says around its sliders, and the two charts that they redraw."""

from collections.abc import Sequence

import numpy as np

from jaxamp.report.chart import Chart, Series
from jaxamp.report.knobs.tour import SINE_DBFS, SINE_HERTZ, Tour
from jaxamp.report.page import text
from jaxamp.report.subject import words

DEPTH_DB = 80.0
"""Of a chart below its highest point."""

FREE = (
    "Each knob has the positions at which its slider stops, and the model played every "
    "combination of them when this page was written. Nothing between them is mixed or "
    "guessed: all you hear was played."
)
ONE_BY_ONE = (
    "Every combination of {count} knobs is more than a page can hold. So one knob at a "
    "time is turned away from where it stood, and the others go back there as soon as "
    "you turn it. Each slider stops where the model played when this page was written; "
    "nothing between is mixed or guessed."
)
LOUDNESS = (
    "As on an amp, a knob may make it louder, and that is heard. To hear what else it "
    "does, have all settings equally loud."
)
WHOLE = "They are embedded without loss, 24 bits."
ROUNDED = (
    "So that so many fit into a page, they are rounded to {bits} bits: what is lost "
    "lies at {lost:.0f} dBFS."
)

SECTION = """\
<p>{played} {stops}</p>
<p>{loudness} {exact}</p>
<p id="knob-trouble" role="alert" hidden></p>
<div id="sliders"></div>
<div class="beside">{charts}</div>
"""


def charts(tour: Tour) -> list[Chart]:
    """The spectrum and the curve of a setting, drawn for the one at the start."""
    return [spectrum(tour), curve(tour)]


def section(tour: Tour, drawn: Sequence[Chart]) -> str:
    """The section's HTML."""
    plan, fit = tour.plan, tour.fit
    names = ", ".join(plan.names)
    played = (
        f"{fit.seconds:.1f} s of the recording's DI through the model at "
        f"{len(plan.settings)} settings of its knobs ({names}), and around again."
    )
    stops = FREE if plan.free else ONE_BY_ONE.format(count=len(plan.names))
    exact = (
        WHOLE if fit.bits == 24 else ROUNDED.format(bits=fit.bits, lost=fit.lost_dbfs)
    )
    return SECTION.format(
        played=text(played, 2_000),
        stops=text(stops, 1_000),
        loudness=LOUDNESS,
        exact=exact,
        charts="".join(one.html() for one in drawn),
    )


def spectrum(tour: Tour) -> Chart:
    """Level of what comes out, by pitch."""
    start = tour.spectra[tour.first].tolist()
    highest = float(max(np.max(tour.spectra), np.max(tour.di_spectrum)))
    lowest = float(min(np.min(tour.spectra), np.min(tour.di_spectrum)))
    return Chart(
        name="knobSpectrum",
        title="What comes out, from low to high",
        told="Level in thirds of an octave of the passage at the setting heard.",
        caption=(
            "Bass is on the left, treble on the right; one third of an octave for each "
            "point. Dashed is the passage at the start "
            f"({words(tour.plan.names, tour.plan.at(tour.plan.start))}) and as it came "
            "from the guitar. The axes stay as they are while you turn."
        ),
        x_label="Hz",
        y_label="dBFS",
        x=tour.hertz,
        series=[
            Series("DI", tour.di_spectrum.tolist(), "di", "dashes"),
            Series("at the start", start, "difference", "dashes"),
            Series("heard now", start, "prediction", "both"),
        ],
        x_log=True,
        y_range=(max(lowest, highest - DEPTH_DB), highest),
    )


def curve(tour: Tour) -> Chart:
    """Level that comes out against level that goes in."""
    start = tour.curves[tour.first].tolist()
    highest = float(np.max(tour.curves))
    return Chart(
        name="knobCurve",
        title="Playing harder at this setting",
        told="Level that comes out against level that goes in, at the setting heard.",
        caption=(
            f"A tone of {SINE_HERTZ:g} Hz goes in, softly on the left and as hard as "
            "can be on the right; upwards is louder. A line at 45 degrees is a clean "
            "amp; where it flattens, the amp compresses and distorts. More gain moves "
            "that place to the left. Levels are those of sines: 0 is full scale."
        ),
        x_label="tone in, dBFS",
        y_label="sound out, dBFS",
        x=SINE_DBFS,
        series=[
            Series("at the start", start, "difference", "dashes"),
            Series("heard now", start, "prediction", "both"),
        ],
        y_range=(max(float(np.min(tour.curves)), highest - DEPTH_DB), highest),
    )
