"""How wrong a model is while a knob turns, where the amp itself can be asked.

No recording has that: a knob that is turned by hand is nowhere written down. An amp of
equations plays every move, so each knob goes up for half of a passage, and the model
is held against it before, meanwhile and after.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxamp.core import Capture
from jaxamp.evaluate import evaluate_moves
from jaxamp.report.chart import table
from jaxamp.report.page import text
from jaxamp.report.subject import Heard, Subject

SECONDS = 4.0
"""Of a passage, at most; the knob moves in the half of it that is in the middle."""

LOW, HIGH = 0.1, 0.9
"""Where a knob moves from and to."""


@dataclasses.dataclass(frozen=True)
class Move:
    """What is wrong while one knob turns; see `jaxamp.metrics.MoveScores`."""

    knob: str
    seconds: float
    """That the knob takes."""
    scores: dict[str, float]


def moves(subject: Subject, sound: Heard) -> list[Move]:
    """Each knob turned while the others stand; none where no amp can be asked."""
    if subject.turned_amp is None or sound.controls is None:
        return []
    begin, end = sound.loudest
    rate = subject.model.sample_rate
    x = sound.input[begin : min(end, begin + round(SECONDS * rate))]
    first, last = len(x) // 4, 3 * len(x) // 4
    found = []
    for index, knob in enumerate(subject.model.controls):
        ways = np.repeat(sound.controls[:, None], len(x), axis=1).astype(np.float32)
        ways[index] = np.interp(np.arange(len(x)), [first, last], [LOW, HIGH])
        capture = Capture(x, subject.turned_amp(x, ways))
        _, scores = evaluate_moves(
            subject.model,
            subject.params,
            capture,
            lambda start, stop, ways=ways: ways[:, max(0, start) : stop],
            [(first, last)],
        )
        found.append(Move(knob, (last - first) / rate, scores))
    return found


def section(found: Sequence[Move]) -> str:
    """The section's HTML: a sentence, and a row for each knob."""
    told = (
        f"Each knob goes from {LOW:g} to {HIGH:g} in {found[0].seconds:.1f} s while "
        "the others stand, and the amp, which is one of equations, goes along. If the "
        "error while it moves is like that at rest, the knob may be turned while "
        "playing. The last column compares the error at the edges of blocks with that "
        "within them: much above 1, the knob would be heard to step."
    )
    heads = ("knob", "ESR at rest", "while it moves", "just after", "edges of blocks")
    names = ("esr_still", "esr_moving", "esr_after_moves", "zipper")
    rows = [
        (one.knob, *(f"{one.scores.get(name, np.nan):.3g}" for name in names))
        for one in found
    ]
    return f"<p>{text(told, 1_000)}</p>\n{table(heads, rows, 'Knobs that move')}"
