"""What is wrong while knobs move, after they have, and while they stand still.

And whether they zip: a knob that is turned once a block steps at the block's edge, and
the sound with it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from jaxamp.metrics.totals import Totals

AFTER_SECONDS = 0.5
"""After a move, in which a model may still be settling."""

FRAME_SECONDS = 0.005
"""Of the frames among which the worst is looked for."""

STILL, MOVING, AFTER = 0, 1, 2


class MoveScores:
    """Collects the metrics of moves from pieces of any length.

    Args:
        moves: The samples in which a knob moves: first, and one after the last; in
            order, none inside another.
        block: Samples at whose edges a knob would step, counted from sample 0.
    """

    def __init__(self, moves: Sequence[tuple[int, int]], sample_rate: int, block: int):
        self._starts = np.asarray([start for start, _ in moves], int)
        self._stops = np.asarray([stop for _, stop in moves], int)
        self._after = round(AFTER_SECONDS * sample_rate)
        self._frame, self._block = max(1, round(FRAME_SECONDS * sample_rate)), block
        self._totals = {kind: Totals() for kind in (STILL, MOVING, AFTER)}
        self._before = np.zeros(2)
        """The last two samples of the mistake."""
        self._edges, self._insides = np.zeros(2), np.zeros(2)
        """Energy of second differences, and how many."""
        self._pending = np.zeros((2, 0))
        """The mistake, and whether a knob moves, of the frame that has begun."""
        self._worst = 0.0
        self._at = 0

    def update(self, prediction: ArrayLike, target: ArrayLike) -> None:
        """Hears the next samples `[t]` of both."""
        heard, wanted = np.asarray(prediction, float), np.asarray(target, float)
        kinds = self._kinds(np.arange(self._at, self._at + heard.size))
        for kind, totals in self._totals.items():
            totals.update(heard[kinds == kind], wanted[kinds == kind])
        self._hear_steps(wanted - heard, kinds == MOVING)
        self._hear_frames(wanted - heard, kinds == MOVING)
        self._at += heard.size

    def _kinds(self, now: np.ndarray) -> np.ndarray:
        """Whether each sample is in a move, after one, or neither."""
        last = np.searchsorted(self._starts, now, side="right") - 1
        if not self._starts.size:
            return np.full(now.shape, STILL)
        since = now - self._stops[np.maximum(last, 0)]
        kinds = np.where(since < 0, MOVING, np.where(since < self._after, AFTER, STILL))
        return np.where(last < 0, STILL, kinds)

    def _hear_steps(self, error: np.ndarray, moving: np.ndarray) -> None:
        joined = np.concatenate([self._before, error])
        bends = np.diff(joined, 2) ** 2
        place = np.arange(self._at, self._at + error.size) % self._block
        edge = place < min(2, self._block)
        self._edges += summed(bends[moving & edge])
        self._insides += summed(bends[moving & ~edge])
        self._before = joined[-2:]

    def _hear_frames(self, error: np.ndarray, moving: np.ndarray) -> None:
        pending = np.concatenate([self._pending, [error**2, moving]], axis=1)
        whole = pending.shape[1] // self._frame * self._frame
        self._pending = pending[:, whole:]
        self._worst = max(self._worst, self._worst_of(pending[:, :whole], self._frame))

    def _worst_of(self, pending: np.ndarray, frame: int) -> float:
        """The largest energy of frames in which a knob moves."""
        energy, moving = pending.reshape(2, -1, frame).sum(axis=2)
        return float(np.max(energy[moving > 0], initial=0.0))

    def result(self) -> dict[str, float]:
        """Metric -> value, without those of which nothing was heard.

        - `esr_moving`: the ESR of the samples in which a knob moves;
        - `esr_after_moves`: of the 0.5 s after each move, as far as no other begins;
        - `esr_still`: of all others;
        - `worst_frame_moving`: of frames of 5 ms in which a knob moves, the largest
          mean square of the mistake, over the mean square of the whole target: a click
          that the ESR of a long move hides;
        - `zipper`: of the samples in which a knob moves, the mean square of the
          mistake's second difference e[n] - 2 e[n-1] + e[n-2] in the first two samples
          of blocks, over that in all others. About 1 where knobs move smoothly; a step
          J at every edge adds J^2 to the first, and a smooth mistake next to nothing to
          the second. The target has to be known exactly: noise hides small steps.
        """
        named = {"moving": MOVING, "after_moves": AFTER, "still": STILL}
        told = {
            f"esr_{name}": self._totals[kind].esr
            for name, kind in named.items()
            if self._totals[kind].samples
        }
        if self._totals[MOVING].samples:
            told["worst_frame_moving"] = self._worst_frame()
        if self._edges[1] and self._insides[1]:
            told["zipper"] = self._zipper()
        return told

    def _worst_frame(self) -> float:
        rest = self._pending.shape[1]
        worst = self._worst
        if rest:  # the last frame, cut short, as if silence came after
            worst = max(worst, self._worst_of(self._pending, rest))
        target = sum(totals.target_energy for totals in self._totals.values())
        return _over(worst / self._frame, target / self._at)

    def _zipper(self) -> float:
        edges, insides = (sums[0] / sums[1] for sums in (self._edges, self._insides))
        return 1.0 if edges == insides else _over(edges, insides)


def summed(values: np.ndarray) -> np.ndarray:
    """Their sum, and how many they are."""
    return np.array([np.sum(values), values.size])


def _over(one: float, other: float) -> float:
    """The ratio; 0 of nothing over nothing."""
    if not other:
        return np.inf if one else 0.0
    return float(one / other)
