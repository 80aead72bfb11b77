"""Metrics of a model over whole recordings, streamed in constant memory."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import Capture, CaptureError, Model, Moves, Params, knob_places
from jaxamp.metrics import MoveScores, Scores, aliasing
from jaxamp.stream import BLOCK, play, process

PIECE = 1 << 17
"""Samples played and compared at a time."""

SEARCH = 10_000
"""The largest delay looked for between prediction and target, in samples."""


def evaluate(
    model: Model,
    params: Params,
    captures: Iterable[Capture],
    controls: np.ndarray | None = None,
) -> dict[str, float]:
    """Every reported metric over the captures, end to end, with knobs at `[k]`.

    The model is warmed on each capture's context, or on silence.
    """
    scores = Scores(model.sample_rate)
    for capture in captures:
        begin = capture.context.size
        heard = np.concatenate([capture.context, capture.input])
        played = play(model, params, pieces(heard), controls=controls)
        compare(scores, trimmed(played, begin), capture.target)
    return scores.result()


@dataclasses.dataclass(frozen=True)
class AtSetting:
    """How well a model does with the knobs at one setting."""

    name: str
    knobs: Mapping[str, float]
    """All that the recordings tell of, 0 to 1, whether the model hears them or not."""
    metrics: Mapping[str, float]
    seen: bool
    """Whether it was trained on this setting."""

    @property
    def esr(self) -> float:
        """Of the setting's captures together."""
        return self.metrics["esr"]

    def record(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "knobs": dict(self.knobs),
            "esr": self.esr,
            "seen": self.seen,
        }


def evaluate_settings(
    model: Model,
    params: Params,
    captures: Iterable[Capture],
    names: Sequence[str],
    *,
    seen: bool = False,
) -> list[AtSetting]:
    """Every metric at each setting, in the order in which the settings first come.

    Args:
        names: Of the knobs, as the captures have them.
        seen: Whether the model was trained on these settings.
    """
    places = knob_places(model, names)
    alike: dict[bytes, list[Capture]] = {}
    for one in captures:
        alike.setdefault(one.controls.tobytes(), []).append(one)
    return [
        AtSetting(
            some[0].name,
            dict(zip(names, map(rounded, some[0].controls.tolist()), strict=True)),
            evaluate(model, params, some, told(some[0], places)),
            seen,
        )
        for some in alike.values()
    ]


def told(capture: Capture, places: Sequence[int]) -> np.ndarray | None:
    """What a model is told of the knobs of a capture; None if it hears none."""
    return capture.controls[list(places)] if len(places) else None


def rounded(value: float) -> float:
    """A knob's position without what single precision adds to it."""
    return round(value, 6)


def mean_metrics(settings: Sequence[AtSetting]) -> dict[str, float]:
    """The mean over settings of every metric, each setting with one vote."""
    first = settings[0].metrics
    return {
        name: float(np.mean([one.metrics[name] for one in settings])) for name in first
    }


def evaluate_moves(
    model: Model,
    params: Params,
    capture: Capture,
    controls: Moves,
    moves: Sequence[tuple[int, int]],
    *,
    block: int = BLOCK,
) -> tuple[dict[str, float], dict[str, float]]:
    """Every reported metric of one capture in which knobs move, and those of the moves.

    Args:
        controls: Where the knobs stand in samples of the capture's input; the model is
            warmed on the context before with those of negative ones.
        moves: The samples in which they move, see `MoveScores`.
        block: Samples a block, at whose edges zipping is looked for.
    """
    begin = capture.context.size
    heard = np.concatenate([capture.context, capture.input])

    def later(start: int, stop: int) -> np.ndarray:
        return controls(start - begin, stop - begin)

    whole = Scores(model.sample_rate)
    moving = MoveScores(moves, model.sample_rate, block)
    played = play(model, params, pieces(heard), controls=later, block=block)
    at = 0
    for piece in trimmed(played, begin):
        answer = capture.target[at : at + piece.size]
        for scores in (whole, moving):
            scores.update(piece[: answer.size], answer)
        at += piece.size
    return whole.result(), moving.result()


def compare(scores: Scores, played: Iterable[np.ndarray], target: np.ndarray) -> None:
    """Adds pieces of a prediction, in order, against the target they answer."""
    at = 0
    for piece in played:
        answer = target[at : at + piece.size]
        scores.update(piece[: answer.size], answer)
        at += piece.size


def pieces(x: np.ndarray) -> Iterator[np.ndarray]:
    """1-D audio in pieces `[1, 1, t]`."""
    for start in range(0, x.size, PIECE):
        yield x[None, None, start : start + PIECE]


def trimmed(played: Iterable[np.ndarray], begin: int) -> Iterator[np.ndarray]:
    """Pieces `[1, 1, t]` as 1-D, without the first `begin` samples."""
    for piece in played:
        flat = piece[0, 0]
        yield flat[begin:]
        begin = max(0, begin - flat.size)


def lag(*pairs: tuple[np.ndarray, np.ndarray]) -> int:
    """Samples by which targets trail predictions, the same for all pairs of them.

    The two resemble each other, so unlike a dry and an amplified guitar their
    correlation peaks exactly where they line up. Of several pairs the correlations are
    added: those that resemble each other most have most to say.
    """
    return int(np.argmax(sum(correlations(*pair) for pair in pairs))) - SEARCH


def correlations(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How alike they are at each lag of the target from -SEARCH to SEARCH, -1 to 1."""
    size = min(prediction.size, target.size)
    if size == 0:
        raise CaptureError("There is nothing to compare: a recording is empty.")
    # A constant part of both would be largest where all of it overlaps: at no lag.
    x, y = (part[:size] - np.mean(part[:size]) for part in (prediction, target))
    product = scipy.signal.correlate(y, x, method="fft")
    middle, reach = size - 1, min(SEARCH, size - 1)
    near = product[middle - reach : middle + reach + 1]
    loudness = float(np.linalg.norm(x) * np.linalg.norm(y))
    return np.pad(near / max(loudness, 1e-12), SEARCH - reach)


def aliased(
    model: Model, params: Params, controls: np.ndarray | None = None
) -> dict[str, float]:
    """Aliased over harmonic energy of the model, for each probe frequency."""
    return aliasing(
        lambda probe: process(model, params, probe, controls=controls),
        sample_rate=model.sample_rate,
    )
