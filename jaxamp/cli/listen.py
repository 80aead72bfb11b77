"""What `jaxamp compare --listen` plays: the best run of each row, beside the amp.

Passages are taken from what validates, which no model has learned from, where it is
loudest. Runs of one capture share its recordings, so those are read once.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.cli.main import keep_compiled
from jaxamp.cli.scored import as_recorded
from jaxamp.cli.subject import configuration, recorded_again
from jaxamp.core import Capture, ConfigError, JaxampError, RunError, knob_places
from jaxamp.core.shown import shown
from jaxamp.evaluate import told, trimmed
from jaxamp.loading import load
from jaxamp.report.comparison import Row
from jaxamp.report.rating import MOST_MODELS, trial
from jaxamp.stream import play

SHORTEST_SECONDS = 2.0
"""Of a passage, if the recording has more: less is no playing."""

MOST_TRIALS = 12
"""In one page: more tire a listener."""

MOST_SECONDS = 800.0
"""Of all clips of a page together at 48 kHz: what lies in the page as about 80 MB, and
what twelve usual trials of eight versions need."""

USUAL_RATE = 48_000


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """A passage to listen to."""

    capture: Capture
    start: int
    length: int

    @property
    def samples(self) -> slice:
        """Where it lies in its capture."""
        return slice(self.start, self.start + self.length)


def rating_trials(
    table: Sequence[Row], seconds: float, passages: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Trials for the page, and sentences about what is not among them.

    Args:
        seconds: Of a passage, at most.
        passages: Of each capture, if it has so many.

    Raises:
        ConfigError: There would be more sound than a page can hold.
        RunError: There is nothing to listen to.
    """
    captures = dict.fromkeys(row.capture for row in table)
    heard = {
        capture: heard_rows([row for row in table if row.capture == capture])
        for capture in captures
    }
    refuse_too_much([chosen for chosen, _ in heard.values()], seconds, passages)
    keep_compiled()
    trials, left_out, reasons = [], [], []
    for capture, (chosen, others) in heard.items():
        room = min(passages, MOST_TRIALS - len(trials))
        if not room:
            left_out.append(f"Of {capture} nothing is played: there is enough.")
            continue
        try:
            trials += trials_of(capture, chosen, seconds, room)
        except JaxampError as error:
            reasons.append(str(error))
            left_out.append(f"Of {capture} nothing is played: {error}")
            continue
        if room < passages:
            left_out.append(f"Of {capture}, {room} passages are played at most.")
        if others:
            names = ", ".join(row.model for row in others)
            left_out.append(
                f"Of {capture}, {MOST_MODELS} models are played, those of the fronts "
                f"first, then by ESR; left out are {names}."
            )
    if not trials:
        raise RunError(f"There is nothing to listen to. {reasons[0]}")
    return trials, left_out


def refuse_too_much(
    captures: Sequence[Sequence[Row]], seconds: float, passages: int
) -> None:
    """Raises before minutes are spent on a page that no browser opens.

    Args:
        captures: The rows of each that are played.
    """
    each = [
        seconds * (len(rows) + 2) * rows[0].best.sample_rate / USUAL_RATE
        for rows in captures
        for _ in range(passages)
    ]
    wanted = sum(sorted(each)[-MOST_TRIALS:])
    if wanted > MOST_SECONDS:
        most = max(1.0, np.floor(10 * seconds * MOST_SECONDS / wanted) / 10)
        raise ConfigError(
            f"--seconds {seconds:g} and --passages {passages} make up to {wanted:.0f} "
            f"s of sound, counted at {USUAL_RATE // 1000} kHz with the amp, the anchor "
            f"and each model of every passage; a page holds {MOST_SECONDS:g} s. Take "
            f"--seconds {most:g}, fewer --passages, or fewer folders."
        )


def heard_rows(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of a capture that are played, and those for which there is no room."""
    best = sorted(
        rows, key=lambda r: (not (r.pareto_size or r.pareto_speed), r.esr_mean)
    )
    names = {row.model for row in best[:MOST_MODELS]}
    return [r for r in rows if r.model in names], best[MOST_MODELS:]


def trials_of(
    capture: str, rows: Sequence[Row], seconds: float, passages: int
) -> list[dict[str, Any]]:
    """The trials of one capture."""
    run = run_folder(Path(rows[0].best.place))
    recording = recorded_again(run, configuration(run))
    captures = [as_recorded(one, recording) for one in recording.validation]
    wanted = excerpts(captures, recording.sample_rate, seconds, passages)
    names = recording.controls
    played = {row.model: predictions(row, wanted, names) for row in rows}
    return [
        trial(
            f"{capture}, {told_place(excerpt, recording.sample_rate, len(captures))}",
            excerpt.capture.target[excerpt.samples],
            {model: of_model[i] for model, of_model in played.items()},
            recording.sample_rate,
            capture=capture,
        )
        for i, excerpt in enumerate(wanted)
    ]


def run_folder(place: Path) -> Path:
    """The run that a model belongs to: its own folder, or the one above its size's."""
    return place if (place / "config.yaml").is_file() else place.parent


def excerpts(
    captures: Sequence[Capture], sample_rate: int, seconds: float, passages: int
) -> list[Excerpt]:
    """The loudest stretches of equal length, in the order in which they were played."""
    longest = max(one.target.size for one in captures)
    shortest = min(longest, round(min(SHORTEST_SECONDS, seconds) * sample_rate))
    length = max(shortest, min(round(seconds * sample_rate), longest // passages))
    found = [
        Excerpt(one, i * length, length)
        for one in captures
        for i in range(one.target.size // length)
    ]
    loud = [float(np.sum(np.square(e.capture.target[e.samples]))) for e in found]
    kept = sorted(np.argsort(loud)[::-1][:passages])
    return [found[i] for i in kept]


def predictions(
    row: Row, wanted: Sequence[Excerpt], names: Sequence[str]
) -> list[np.ndarray]:
    """What the best run of a row plays of each excerpt, warm from all before it.

    Args:
        names: Of the knobs of the captures.
    """
    model, params = load(row.best.place)
    places = knob_places(model, names)
    answers: dict[int, np.ndarray] = {}
    for excerpt in wanted:
        one = excerpt.capture
        if id(one) not in answers:
            heard = np.concatenate([one.context, one.input])[None, None]
            knobs = told(one, places)
            played = play(model, params, [heard], controls=knobs)
            answers[id(one)] = np.concatenate(list(trimmed(played, one.context.size)))
    return [answers[id(excerpt.capture)][excerpt.samples] for excerpt in wanted]


def told_place(excerpt: Excerpt, sample_rate: int, captures: int) -> str:
    """'0.0 to 8.0 s', after the name of its recording where there are several."""
    start, end = excerpt.start / sample_rate, excerpt.samples.stop / sample_rate
    name = f"{shown(excerpt.capture.name, 100)}, " if captures > 1 else ""
    return f"{name}{start:.1f} to {end:.1f} s"
