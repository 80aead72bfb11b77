"""The charts of a report: what each shows, and how a guitarist reads it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.report.analysis.levels import STEP_DB, Levels
from jaxamp.report.analysis.tones import (
    CURVE_DBFS,
    CURVE_HERTZ,
    FOLDED_DBFS,
    NOTE_HERTZ,
    Tones,
)
from jaxamp.report.chart import Chart, Series
from jaxamp.stream.live.deadline import SHARE

INSTANTS = 800
"""Dots of a cloud."""

MOST_POINTS = 1_500
"""Of a learning curve; more cannot be told apart."""


ON_THE_LINE = "The model's points should lie on the amp's line."
ALONE = "There is no amp here to play the tone to, so these are the model's alone."


@dataclasses.dataclass(frozen=True)
class BlockTime:
    """How long blocks of one length took here, in milliseconds."""

    block: int
    median: float
    p99: float
    deadline: float

    @property
    def allowed(self) -> float:
        """What p99 may be to be played live."""
        return SHARE * self.deadline


def dynamics(found: Levels) -> Chart:
    """Output level against input level."""
    return Chart(
        name="dynamics",
        title="Playing harder",
        told="Level that comes out against level that goes in, of amp and model.",
        caption=(
            "To the right is harder playing (level of the DI), upwards is louder "
            "sound. Where the line flattens, the amp compresses: harder playing makes "
            "it hardly louder. The model's points should lie on the amp's line."
        ),
        x_label="DI, dBFS",
        y_label="sound, dBFS",
        x=found.input.tolist(),
        series=[
            Series("target", found.target.tolist(), "target", "line"),
            Series("prediction", found.prediction.tolist(), "prediction", "points"),
        ],
    )


def level_error(found: Levels) -> Chart:
    """ESR against input level."""
    return Chart(
        name="levelError",
        title="Where it is wrong: quiet or loud",
        told="Error-to-signal ratio of the model for each level of playing.",
        caption=(
            "Frames of 20 ms, sorted by the level of the DI in steps of "
            f"{STEP_DB:g} dB. Lower is better: 0.01 means that one hundredth of the "
            "energy is wrong at that level. Quiet notes hardly count in the ESR of the "
            "whole, so it may be good and they may not."
        ),
        x_label="DI, dBFS",
        y_label="ESR",
        x=found.input.tolist(),
        series=[
            Series("ESR", [*map(positive, found.esr.tolist())], "difference", "both")
        ],
        y_log=True,
    )


def error_level(found: Levels) -> Chart:
    """Level of the error beside that of the sound."""
    return Chart(
        name="errorLevel",
        title="How loud the mistake is",
        told="Level of the target and of the difference for each level of playing.",
        caption=(
            "The distance between the two lines is how far the mistake lies below the "
            "amp's sound: 20 dB is an ESR of 0.01, 30 dB one of 0.001."
        ),
        x_label="DI, dBFS",
        y_label="dBFS",
        x=found.input.tolist(),
        series=[
            Series("target", found.target.tolist(), "target"),
            Series("difference", found.error.tolist(), "difference", "both"),
        ],
    )


def harmonics(model: Tones, amp: Tones | None, level: float) -> Chart:
    """Overtones of one note."""
    heights = model.harmonics[level]
    truth = amp.harmonics[level] if amp else None
    series = [Series("prediction", heights, "prediction", "points")]
    if truth:
        series.insert(0, Series("target", truth, "target", "both"))
    hard = "hit hard" if level > -20 else "touched"
    return Chart(
        name=f"harmonics{abs(level):.0f}",
        title=f"Overtones of an A ({NOTE_HERTZ:g} Hz), {hard}",
        told=f"Level of each harmonic of a {NOTE_HERTZ:g} Hz sine at {level:g} dBFS.",
        caption=(
            "A pure tone goes in; whatever else comes out is distortion. Point 1 is "
            "the tone itself, 2 its octave, 3 the fifth above that, and so on. "
            + (ON_THE_LINE if truth else ALONE)
        ),
        x_label="harmonic",
        y_label="dB against the tone",
        x=[float(i + 1) for i in range(len(heights))],
        series=series,
    )  # fmt: skip


def aliasing(model: Tones, amp: Tones | None) -> Chart:
    """What is folded back, against frequency."""
    series = [
        Series(
            "prediction", [*map(ratio, model.aliased.values())], "prediction", "both"
        )
    ]
    if amp:
        folded = [*map(ratio, amp.aliased.values())]
        series.insert(0, Series("target", folded, "target", "both"))
    return Chart(
        name="aliasing",
        title="Aliasing",
        told="Folded energy against frequency of the tone that is played.",
        caption=(
            "High notes have overtones beyond what the sample rate can hold; they come "
            "back as tones that belong to no chord. Shown is the level of all of that "
            f"against the true overtones, for sines at {FOLDED_DBFS:g} dBFS: lower is "
            "better, and no model is asked to be lower than its amp."
        ),
        x_label="Hz",
        y_label="dB",
        x=[*model.aliased],
        series=series,
        x_log=True,
    )


def ratio(power: float) -> float:
    """A ratio of energies in dB, no lower than what rounding leaves."""
    return 10 * math.log10(max(power, 1e-16))


def transfer(model: Tones, amp: Tones | None) -> Chart:
    """Output against input over one period of a low note."""
    halves = [
        (f"{name}, {way}", name, part)
        for name, one in (("target", amp), ("prediction", model))
        if one
        for way, part in both_ways(*one.curve).items()
    ]
    places = sorted({float(x) for _, _, part in halves for x in part})
    return Chart(
        name="transfer",
        title="Transfer curve",
        told="Output against input over one period of a low E.",
        caption=(
            f"A low E ({CURVE_HERTZ:g} Hz at {CURVE_DBFS:g} dBFS) goes in: to the "
            "right what goes in at an instant, upwards what comes out at the same "
            "instant. A straight line is a clean amp, a bend at the ends is soft "
            "clipping, a flat end hard clipping. The way up and the way down differ (a "
            "loop) wherever filters, capacitors or a speaker remember what was before."
        ),
        x_label="in",
        y_label="out",
        x=places,
        series=[
            Series(label, [part.get(x) for x in places], color,
                   "dashes" if "down" in label else "line")
            for label, color, part in halves
        ],
        square=True,
    )  # fmt: skip


def cloud(x: np.ndarray, target: np.ndarray, prediction: np.ndarray) -> Chart:
    """Output against input at instants of the recording.

    Shapes:
        x, target, prediction `[t]`
    """
    taken = np.linspace(0, x.size - 1, min(INSTANTS, x.size)).astype(int)
    order = taken[np.argsort(x[taken], kind="stable")]
    return Chart(
        name="cloud",
        title="The same, in the recording",
        told="Output against input at many instants of the clip, of amp and model.",
        caption=(
            "Each dot is an instant of the clip: to the right what the guitar gave, "
            "upwards what came out. A thin cloud is an amp without memory, a wide one "
            "has filters, a speaker or a delay. Both clouds should have one shape."
        ),
        x_label="in",
        y_label="out",
        x=x[order].tolist(),
        series=[
            Series("target", target[order].tolist(), "target", "dots"),
            Series("prediction", prediction[order].tolist(), "prediction", "dots"),
        ],
        square=True,
    )


def both_ways(x: np.ndarray, y: np.ndarray) -> dict[str, dict[float, float]]:
    """In -> out of one period, where the input rises and where it falls."""
    rising = np.gradient(x) >= 0
    return {
        way: dict(zip(x[part].tolist(), y[part].tolist(), strict=True))
        for way, part in (("going up", rising), ("going down", ~rising))
    }


def learning(history: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Loss and validation against steps; None where nothing is known of them."""
    rows: dict[float, tuple[float | None, float | None]] = {}
    for row in history:
        step, loss, esr = (
            positive(row.get(key)) for key in ("step", "loss", "validation_esr")
        )
        if step is not None and (loss is not None or esr is not None):
            before = rows.get(step, (None, None))
            rows[step] = (loss or before[0], esr or before[1])
    if len(rows) < 2:
        return None
    steps = thinned(rows)
    return Chart(
        name="learning",
        title="Loss and validation",
        told="Training loss and validation error against training steps.",
        caption=(
            "To the right is more training, lower is better. The loss is what training "
            "makes small; the ESR is measured on playing it never trained on. If the "
            "ESR still falls at the right end, longer training may help; if it rises "
            "while the loss falls, it learns the recording by heart. The best is kept."
        ),
        x_label="step",
        y_label="loss, ESR",
        x=steps,
        series=[
            Series("training loss", [rows[step][0] for step in steps], "target"),
            Series("validation ESR", [rows[step][1] for step in steps], "prediction",
                   "both"),
        ],
        y_log=True,
    )  # fmt: skip


def positive(value: Any) -> float | None:
    """A number that has a logarithm, out of a log that may be a stranger's."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 1e30 else None


def thinned(rows: Mapping[float, tuple[float | None, float | None]]) -> list[float]:
    """The steps that are drawn: all with a validation, and as many others as fit."""
    steps = sorted(rows)
    validated = [step for step in steps if rows[step][1] is not None]
    others = [step for step in steps if rows[step][1] is None]
    kept = validated[:: max(1, -(-len(validated) // MOST_POINTS))]
    return sorted([*kept, *others[:: max(1, -(-len(others) // MOST_POINTS))]])


def block_times(times: Sequence[BlockTime]) -> Chart:
    """Computing time of a block against its deadline."""
    return Chart(
        name="blocks",
        title="Fast enough to play live?",
        told="Time to compute a block of samples against the time that it lasts.",
        caption=(
            "Playing live, a block of samples must be computed before the next one "
            "arrives, at the deadline. Small blocks mean less delay and less time. The "
            "median is the usual block, p99 the slowest one in a hundred; it is p99 "
            f"that crackles, and jaxamp live asks that it stay below {100 * SHARE:.0f} "
            "% of the deadline, the lower of the dashed lines. Measured at the pace of "
            "playing, on the machine that wrote this page, with whatever else it did."
        ),
        x_label="samples a block",
        y_label="ms",
        x=[float(one.block) for one in times],
        series=[
            Series("deadline", [one.deadline for one in times], "target", "dashes"),
            Series(f"{100 * SHARE:.0f} % of it", [one.allowed for one in times],
                   "difference", "dashes"),
            Series("median", [one.median for one in times], "prediction", "both"),
            Series("p99", [one.p99 for one in times], "fold", "both"),
        ],
        x_log=True,
        x_ticks=[one.block for one in times],
        y_log=True,
    )  # fmt: skip
