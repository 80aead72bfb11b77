"""Metrics of a model over whole recordings, streamed in constant memory."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import Capture, CaptureError, Model, Moves, Params
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


def lag(prediction: np.ndarray, target: np.ndarray) -> int:
    """Samples by which the target trails the prediction (their best correlation).

    The two resemble each other, so unlike a dry and an amplified guitar their
    correlation peaks exactly where they line up.
    """
    size = min(prediction.size, target.size)
    if size == 0:
        raise CaptureError("There is nothing to compare: a recording is empty.")
    # A constant part of both would be largest where all of it overlaps: at no lag.
    x, y = (part[:size] - np.mean(part[:size]) for part in (prediction, target))
    correlation = scipy.signal.correlate(y, x, method="fft")
    middle, reach = size - 1, min(SEARCH, size - 1)
    near = correlation[middle - reach : middle + reach + 1]
    return int(np.argmax(near)) - reach


def aliased(
    model: Model, params: Params, controls: np.ndarray | None = None
) -> dict[str, float]:
    """Aliased over harmonic energy of the model, for each probe frequency."""
    return aliasing(
        lambda probe: process(model, params, probe, controls=controls),
        sample_rate=model.sample_rate,
    )
