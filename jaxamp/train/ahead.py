"""The first compiled call of a run, compiled while the rest is got ready.

XLA takes seconds for it, many of them on one core. The random draws and the learning
rates that a run begins with, a hundred small programs, meanwhile use another.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from jaxamp.train.devices import placed_shapes
from jaxamp.train.loop import Advance, Collect, side_by_side
from jaxamp.train.members import Member, Running
from jaxamp.train.progress import Progress, ended
from jaxamp.train.step import STEPS_PER_CALL, like_start, train_steps


def compiled_ahead(members: Sequence[Member]) -> Advance:
    """`side_by_side` for these members, whose first call begins to compile at once.

    Not where they do not all begin with one call: then nothing is done ahead.
    """
    if not begin_together(members):
        return side_by_side
    lowered = train_steps.lower(*shapes_of_call(members))
    with_one = ThreadPoolExecutor(1, "compile")
    compiling = with_one.submit(lowered.compile)
    with_one.shutdown(wait=False)
    members[0].rates.after(beginning_of(members[0]).step)  # which keeps them

    def advance(turn: Sequence[Running], step: int, length: int) -> Collect:
        compiling.result()
        return side_by_side(turn, step, length)

    return advance


def begin_together(members: Sequence[Member]) -> bool:
    """Whether one call is the first of all, none of them being at its end."""
    begins = list(map(beginning_of, members))
    over = [ended(one.plan, at, False) for one, at in zip(members, begins, strict=True)]
    return not any(over) and len({(at.step, at.rate_factor) for at in begins}) == 1


def beginning_of(member: Member) -> Progress:
    """Where it goes on from."""
    return member.resumed[1] if member.resumed else Progress()


def shapes_of_call(members: Sequence[Member]) -> tuple[Any, ...]:
    """The shapes of what `side_by_side` gives `train_steps`."""
    first = members[0]
    states = [
        placed_shapes(first.task.mesh, like_start(one.task, one.dataset.batch))
        for one in members
    ]
    weights = first.weights
    return (
        tuple(one.task for one in members),
        tuple(states),
        first.dataset,
        jax.ShapeDtypeStruct((STEPS_PER_CALL,), np.float32),
        jax.ShapeDtypeStruct((), np.int32),
        None if weights is None else jax.ShapeDtypeStruct((len(weights),), np.float32),
    )
