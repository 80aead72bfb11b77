"""Where the knobs of a model stand while it plays: in one place, or moving.

A program that takes one setting and one that takes a value for every sample are two
programs, so what is played is cut, at block edges, into stretches of one kind each.
"""

import itertools
from collections.abc import Iterator
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from jaxamp.core import KNOB_MIDDLE, Array, ConfigError, Model, Moves

Stretch = tuple[int, int, Array | np.ndarray | None]
"""From which block to which, and the knobs in them: `[b, k]` where they stand still,
`[n, b, k, t]` where they move."""


def side_by_side(
    model: Model, controls: Any, batch: int, samples: int | None = None
) -> Array | None:
    """The controls of each signal, from one setting or course or from each one's.

    Shapes:
        controls `[k]`, `[b, k]`, and with samples also `[k, t]` or `[b, k, t]`
        -> `[b, k]` or `[b, k, t]`. Where `[b, k]` and `[k, t]` are both meant by the
        same shape, it is taken for `[b, k]`.

    Raises:
        ConfigError: They are not as many as the model has knobs, or as there are
            samples.
    """
    if controls is None:
        return None
    given = jnp.asarray(controls, jnp.float32)
    return jnp.broadcast_to(given, fitting(model, given.shape, batch, samples))


def in_block(model: Model, controls: Any, batch: int, samples: int) -> np.ndarray:
    """The same by NumPy, for the next block of a player; raises likewise."""
    given = np.asarray(controls, np.float32)
    return np.broadcast_to(given, fitting(model, given.shape, batch, samples))


def fitting(
    model: Model, shape: tuple[int, ...], batch: int, samples: int | None
) -> tuple[int, ...]:
    """The shape, with a batch, that controls of this shape are meant to have.

    Raises:
        ConfigError: They are not as many as the model has knobs, or as there are
            samples.
    """
    knobs = len(model.controls)
    if shape in ((knobs,), (batch, knobs)):
        return batch, knobs
    if samples is not None and shape in ((knobs, samples), (batch, knobs, samples)):
        return batch, knobs, samples
    moving = ""
    if samples is not None:
        moving = (
            f", or for knobs that move [{knobs}, {samples}] or [{batch}, {knobs}, "
            f"{samples}]"
        )
    raise ConfigError(
        f"Controls of shape {shape} were given for {batch} signals through "
        f"a model of {knobs} knobs. Give [{knobs}] or [{batch}, {knobs}]{moving}."
    )


def at_start(model: Model, controls: Any, batch: int, moves: bool) -> Array | None:
    """Where the knobs of a player stand at first, `[b, k]`.

    Raises:
        ConfigError: As `side_by_side`, or they are to move and there are none.
    """
    if moves and not model.controls:
        raise ConfigError(
            "A player was asked for whose knobs move, for a model that has no knobs. "
            "Leave `moves` out."
        )
    if moves and controls is None:
        controls = np.full(len(model.controls), KNOB_MIDDLE, np.float32)
    return side_by_side(model, controls, batch)


def refuse_moved(controls: Any) -> None:
    """Raises for controls of a block where the player's stay as they are."""
    if controls is not None:
        raise ConfigError(
            "Controls were given with a block, and the player's knobs stay where they "
            "are. Make it with moves=True."
        )


class Course:
    """Where knobs stand in each block of a signal, whatever was given.

    Args:
        controls: None, one setting `[k]` or `[b, k]`, or a function of samples.
    """

    def __init__(self, model: Model, controls: Any, batch: int):
        self._model, self._batch = model, batch
        self._moves: Moves | None = None
        if not callable(controls):
            self.start = side_by_side(model, controls, batch)
        else:
            self._moves = cast(Moves, controls)
            self.start = jnp.asarray(self._between(0, 1)[:, :, 0])
        """Where they stand at the first sample, `[b, k]`; the silence before it too."""

    def stretches(self, first: int, count: int, block: int, end: int) -> list[Stretch]:
        """The knobs of `count` blocks from sample `first` on, in as few as will do.

        Which program plays a block is decided by the block alone, so the answer does
        not depend on where pieces were cut.

        Args:
            end: Of the signal heard so far; after it, knobs stay where they are.
        """
        if self._moves is None or not count:
            return [(0, count, self.start)]
        rows = self._between(first, end)
        over = count * block - rows.shape[2]
        rows = np.pad(rows, ((0, 0), (0, 0), (0, over)), mode="edge")
        blocks = np.moveaxis(rows.reshape(*rows.shape[:2], count, block), 2, 0)
        return list(alike(np.ascontiguousarray(blocks)))

    def _between(self, start: int, stop: int) -> np.ndarray:
        """Their values `[b, k, stop - start]`."""
        assert self._moves is not None
        given = np.asarray(self._moves(start, stop), np.float32)
        shape = (self._batch, len(self._model.controls), stop - start)
        if given.shape not in (shape, shape[1:]):
            raise ConfigError(
                f"The controls of samples {start} to {stop} have the shape "
                f"{given.shape}. For {self._batch} signals through a model of "
                f"{shape[1]} knobs give {list(shape[1:])} or {list(shape)}."
            )
        return np.broadcast_to(given, shape)


def alike(blocks: np.ndarray) -> Iterator[Stretch]:
    """Neighbouring blocks `[n, b, k, t]` that move, or that stand in the same place."""
    still = (blocks == blocks[..., :1]).all(axis=(1, 2, 3))
    same = (blocks[1:, ..., 0] == blocks[:-1, ..., 0]).all(axis=(1, 2))
    joined = (still[1:] == still[:-1]) & (~still[1:] | same)
    edges = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(blocks)]
    for start, stop in itertools.pairwise(edges):
        here = blocks[start:stop]
        yield start, stop, (jnp.asarray(here[0, ..., 0]) if still[start] else here)


def given_along(model: Model, controls: Any, batch: int, samples: int) -> Any:
    """Controls of a whole signal: one setting as it is, arrays that move as a function.

    Raises:
        ConfigError: As `side_by_side`.
    """
    if controls is None or callable(controls):
        return controls
    rows = np.asarray(side_by_side(model, controls, batch, samples))
    if rows.ndim == 2:
        return rows
    if not samples:
        return np.full((batch, len(model.controls)), KNOB_MIDDLE, np.float32)
    return lambda start, stop: rows[:, :, start:stop]
