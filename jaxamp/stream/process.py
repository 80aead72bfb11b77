"""Plays audio through a model, block by block, with the state carried explicitly.

A whole file, a live callback and a test all run the same compiled scan, in memory
that does not grow with the file.
"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, ConfigError, Model, Params, State, silence
from jaxamp.core.compiler import WIDE
from jaxamp.stream.carried import Carried, Layout

BLOCK = 512
"""Samples a block; large enough to be fast, small enough to stay in the cache."""

BLOCKS_PER_CALL = 256
"""Blocks played by one compiled call."""


@partial(jax.jit, static_argnames="model", donate_argnames="state")
def step(
    model: Model,
    params: Params,
    block: Array,
    state: State,
    controls: Array | None = None,
) -> tuple[Array, State]:
    """One block: `y, state = step(model, params, block, state)`.

    Compiled once for each block length; for lengths that keep changing there is
    `ChangingPlayer`. The state given is used up: go on with the one returned.

    Shapes:
        block `[t]` or `[batch, 1, t]` -> y of the same shape.
    """
    x = jnp.asarray(block, jnp.float32)
    y, state = model.apply(params, x.reshape(-1, 1, x.shape[-1]), controls, state)
    return y.reshape(x.shape), state


def process(
    model: Model,
    params: Params,
    x: np.ndarray | Array,
    *,
    block: int = BLOCK,
    controls: Any = None,
) -> np.ndarray:
    """Plays a whole signal from silence.

    Shapes:
        x `[t]` or `[batch, 1, t]`, controls `[k]` or `[batch, k]` for the whole signal
        -> y of the same shape as x, float32.
    """
    x = np.asarray(x, np.float32)
    batched = x.reshape(math.prod(x.shape[:-1]), 1, x.shape[-1])
    played = play(
        model,
        params,
        [batched],
        block=block,
        batch=batched.shape[0],
        controls=controls,
    )
    y = list(played)
    empty = np.zeros((*batched.shape[:2], 0), np.float32)
    return np.concatenate([empty, *y], axis=2).reshape(x.shape)


def play(
    model: Model,
    params: Params,
    pieces: Iterable[np.ndarray],
    *,
    block: int = BLOCK,
    batch: int = 1,
    controls: Any = None,
) -> Iterator[np.ndarray]:
    """Plays pieces `[batch, 1, any]` of one signal, in constant memory.

    What comes out has the same length in all; the pieces may be cut anywhere. The
    controls `[k]` or `[batch, k]` stay as they are.
    """
    controls = side_by_side(model, controls, batch)
    layout, state = ready(model, params, block, batch, controls)
    rest = np.zeros((batch, 1, 0), np.float32)
    for piece in pieces:
        for start in range(0, piece.shape[2], block * BLOCKS_PER_CALL):
            part = piece[:, :, start : start + block * BLOCKS_PER_CALL]
            rest = np.concatenate([rest, part], axis=2)
            whole = rest.shape[2] - rest.shape[2] % block
            heard = rest[:, :, :whole]
            y, state = play_whole(model, params, heard, layout, state, controls)
            rest = rest[:, :, whole:]
            yield y
    if rest.shape[2]:  # the tail is played too: filled up, and cut again
        filled = np.pad(rest, ((0, 0), (0, 0), (0, block - rest.shape[2])))
        y, _ = play_whole(model, params, filled, layout, state, controls)
        yield y[:, :, : rest.shape[2]]


def side_by_side(model: Model, controls: Any, batch: int) -> Array | None:
    """The controls of each signal `[batch, k]`, from one setting or from each one's.

    Raises:
        ConfigError: They are not as many as the model has knobs.
    """
    if controls is None:
        return None
    knobs = len(model.controls)
    given = jnp.asarray(controls, jnp.float32)
    if given.shape not in ((knobs,), (batch, knobs)):
        raise ConfigError(
            f"Controls of shape {given.shape} were given for {batch} signals through "
            f"a model of {knobs} knobs. Give [{knobs}] or [{batch}, {knobs}]."
        )
    return jnp.broadcast_to(given, (batch, knobs))


def ready(
    model: Model,
    params: Params,
    block: int,
    batch: int = 1,
    controls: Array | None = None,
) -> tuple[Layout, Carried]:
    """Where the state lies for blocks of this length, and the state of silence."""
    quiet = silence(model, params, batch, controls)
    layout = Layout.of(model, quiet, block, batch)
    return layout, layout.packed(quiet)


def play_whole(
    model: Model,
    params: Params,
    x: np.ndarray,
    layout: Layout,
    state: Carried,
    controls: Array | None,
) -> tuple[np.ndarray, Carried]:
    """Plays x `[b, 1, n * block]`, by compiled calls of one and the same shape."""
    count = x.shape[2] // layout.block
    blocks = np.moveaxis(x.reshape(*x.shape[:2], count, layout.block), 2, 0)
    answers = []
    for start in range(0, count, BLOCKS_PER_CALL):
        part = blocks[start : start + BLOCKS_PER_CALL]
        room = np.zeros((BLOCKS_PER_CALL, *part.shape[1:]), np.float32)
        room[: len(part)] = part
        y, state = play_blocks(model, params, room, len(part), layout, state, controls)
        answers.append(np.asarray(y)[: len(part)])
    played = np.concatenate([blocks[:0], *answers])
    return np.moveaxis(played, 0, 2).reshape(x.shape), state


@partial(
    jax.jit,
    static_argnames=("model", "layout"),
    donate_argnames="state",
    compiler_options=WIDE,
)
def play_blocks(
    model: Model,
    params: Params,
    blocks: Array,
    count: int | Array,
    layout: Layout,
    state: Carried,
    controls: Array | None = None,
) -> tuple[Array, Carried]:
    """The first `count` of blocks `[n, batch, 1, t]`, in one compiled call."""

    def one(index: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
        played, state = carry
        y, state = layout.play(model, params, blocks[index], state, controls)
        return played.at[index].set(y), state

    return jax.lax.fori_loop(0, count, one, (jnp.zeros_like(blocks), state))
