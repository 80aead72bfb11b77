"""The report on a run: measured, drawn and put together as one page."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version

from jaxamp.metrics import report
from jaxamp.metrics.aliasing import PROBES_HZ
from jaxamp.report import run_charts
from jaxamp.report.analysis.excerpt import excerpt
from jaxamp.report.analysis.levels import levels
from jaxamp.report.analysis.tones import LOWEST_RATE, NOTE_DBFS, Tones, tones
from jaxamp.report.chart import Chart
from jaxamp.report.clips import clips
from jaxamp.report.knobs.moves import moves
from jaxamp.report.knobs.plan import MOST_CLIPS, Plan, plan
from jaxamp.report.knobs.section import charts as knob_charts
from jaxamp.report.knobs.settings import chart as setting_errors
from jaxamp.report.knobs.settings import measured_settings
from jaxamp.report.knobs.tour import tour
from jaxamp.report.listening import BLIND, STYLES
from jaxamp.report.page import page
from jaxamp.report.run_charts import BlockTime
from jaxamp.report.run_sections import body
from jaxamp.report.subject import Clip, Heard, Subject, heard, loudest

LABELS = {
    "di": "DI",
    "target": "Target",
    "prediction": "Prediction",
    "difference": "Difference",
}
"""What the clips are called."""

AGREES = 0.02
"""Share by which the ESR measured now may differ from the run's own: other machines and
blocks round differently."""

SCRIPTS = (
    *BLIND, "vendor/uPlot.iife.min.js", "charts.js", "trace.js", "waves.js",
    "knobs.js", "report.js",
)  # fmt: skip


def run_page(
    subject: Subject,
    *,
    seconds: float,
    times: Sequence[BlockTime] | None,
    knob_clips: int = MOST_CLIPS,
    match_knobs: bool = False,
) -> str:
    """The page.

    Args:
        seconds: Length of the clip that is embedded.
        times: Of blocks, or None where nobody wanted them measured.
        knob_clips: Settings of a model's knobs that can be turned to, at most; 0 for
            none.
        match_knobs: Whether these are equally loud unless the listener wants otherwise.

    Raises:
        ConfigError: So few `knob_clips` that a knob could not be turned.
        RunError: The model plays what is no sound.
    """
    rate = subject.model.sample_rate
    planned = knob_plan(subject, knob_clips)
    sound = heard(subject)
    turned = tour(subject, sound, planned) if planned else None
    moved = moves(subject, sound)
    numbers, notes = measured(subject, sound)
    model, amp = probed(subject, sound)
    numbers = folded(model) | numbers
    clip = embedded(sound, rate, seconds)
    charts = drawn(subject, sound, clip, model, amp, times)
    charts["knobs"] = knob_charts(turned) if turned else []
    data = {
        "about": {
            "model": subject.name,
            "capture": subject.capture,
            "esr": numbers["esr"],
            "version": version("jaxamp"),
        },
        "numbers": numbers,
        "charts": {one.name: one.data() for group in charts.values() for one in group},
        "clips": clips(clip, rate, difference="difference", labels=LABELS),
        "knobs": turned and turned.data(matched=match_knobs),
    }
    return page(
        f"A model of {subject.capture}",
        body(subject, sound, clip, numbers, charts, notes, times, turned, moved),
        data,
        SCRIPTS,
        ("vendor/uPlot.min.css", "report.css", *STYLES),
    )


def knob_plan(subject: Subject, most: int) -> Plan | None:
    """The settings that the page plays; None of a model without knobs, or of no clips.

    The sliders begin where the knobs stand in the recording that is told first.
    """
    stood = subject.setting(subject.passages[loudest(subject.passages)])
    return (
        plan(subject.model.controls, stood, most)
        if stood is not None and most
        else None
    )


def measured(subject: Subject, sound: Heard) -> tuple[dict[str, float], list[str]]:
    """The run's own numbers where they are of these parameters, else those of now.

    Returns:
        metric -> value, and what has to be said about them.
    """
    own = numbers_of(subject)
    now = report(sound.prediction, sound.target, subject.model.sample_rate)
    if not own:
        return now, []
    if abs(own["esr"] - now["esr"]) <= AGREES * max(own["esr"], now["esr"]):
        return own, []
    told = (
        f"The run wrote down an ESR of {own['esr']:.4g}; what it keeps measures "
        f"{now['esr']:.4g} now, and that is what this page is about. It may have been "
        "trained on since."
    )
    return now, [told]


def numbers_of(subject: Subject) -> dict[str, float]:
    """The metrics in a run's result; none where they are not what a run writes."""
    metrics = subject.result.get("metrics")
    given = metrics if isinstance(metrics, Mapping) else {}
    found = {
        str(name): float(value)
        for name, value in given.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
    known = found.get("esr", -1.0) >= 0 and "lufs_difference" in found
    return found if known else {}


def embedded(sound: Heard, sample_rate: int, seconds: float) -> Clip:
    """The excerpt that is listened to: name -> samples `[t]`."""
    first, last = sound.loudest
    begin, end = excerpt(sound.target[first:last], sample_rate, seconds)
    cut = slice(first + begin, first + end)
    return {
        "di": sound.input[cut],
        "target": sound.target[cut],
        "prediction": sound.prediction[cut],
        "difference": sound.target[cut] - sound.prediction[cut],
    }


def folded(model: Tones | None) -> dict[str, float]:
    """The aliasing of a run's numbers, out of tones that were played now."""
    played = model.aliased if model else {}
    return {
        f"asr_{hertz:.0f}_hz": ratio
        for hertz, ratio in played.items()
        if hertz in PROBES_HZ
    }


def drawn(
    subject: Subject,
    sound: Heard,
    clip: Clip,
    model: Tones | None,
    amp: Tones | None,
    times: Sequence[BlockTime] | None,
) -> dict[str, list[Chart]]:
    """Every chart, by the section it belongs to."""
    rate = subject.model.sample_rate
    found = levels(sound.input, sound.target, sound.prediction, rate)
    loud = [run_charts.level_error, run_charts.error_level, run_charts.dynamics]
    curve = run_charts.learning(subject.history)
    apart = measured_settings(subject.result)
    return {
        "levels": [chart(found) for chart in loud if found.input.size],
        "settings": [setting_errors(apart)] if apart else [],
        "tones": [
            *(run_charts.harmonics(model, amp, level) for level in NOTE_DBFS),
            run_charts.aliasing(model, amp),
        ]
        if model
        else [],
        "curve": [
            *([run_charts.transfer(model, amp)] if model else []),
            run_charts.cloud(clip["di"], clip["target"], clip["prediction"]),
        ],
        "learning": [curve] if curve else [],
        "speed": [run_charts.block_times(times)] if times else [],
    }


def probed(subject: Subject, sound: Heard) -> tuple[Tones | None, Tones | None]:
    """Tones through the model, and through the amp where that can be asked.

    Knobs stand as in the clip.
    """
    rate = subject.model.sample_rate
    if rate < LOWEST_RATE:
        return None, None
    render = partial(subject.render, controls=sound.controls)
    return tones(render, rate), subject.amp and tones(subject.amp, rate)
