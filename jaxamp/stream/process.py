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

from jaxamp.core import Array, Model, Params, State, silence
from jaxamp.core.compiler import ONE_KERNEL, WIDE
from jaxamp.stream.carried import Carried, Layout
from jaxamp.stream.moving import Course, given_along, side_by_side

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
        block `[t]` or `[batch, 1, t]`, controls `[k]` or `[batch, k]`, for knobs that
        move in the block `[k, t]` or `[batch, k, t]` -> y of the block's shape.
    """
    x = jnp.asarray(block, jnp.float32)
    heard = x.reshape(-1, 1, x.shape[-1])
    knobs = side_by_side(model, controls, heard.shape[0], heard.shape[2])
    y, state = model.apply(params, heard, knobs, state)
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
        x `[t]` or `[batch, 1, t]` -> y of the same shape, float32. Controls `[k]` or
        `[batch, k]` for the whole signal, `[k, t]` or `[batch, k, t]` for knobs that
        move, or a function as `play` takes.

    Raises:
        ConfigError: The controls have another shape.
    """
    x = np.asarray(x, np.float32)
    batched = x.reshape(math.prod(x.shape[:-1]), 1, x.shape[-1])
    played = play(
        model,
        params,
        [batched],
        block=block,
        batch=batched.shape[0],
        controls=given_along(model, controls, batched.shape[0], batched.shape[2]),
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

    What comes out has the same length in all; the pieces may be cut anywhere. Blocks in
    which no knob moves are played by the program of knobs that stand still.

    Args:
        controls: Where the knobs stand, `[k]` or `[batch, k]`; or, where they move, a
            function: (start, stop) -> their values in these samples of the signal,
            `[k, stop - start]` or `[batch, k, stop - start]`, as an
            `Automation` is. The silence before is that of the first sample.

    Raises:
        ConfigError: The controls have another shape.
    """
    course = Course(model, controls, batch)
    layout, state = ready(model, params, block, batch, course.start)
    rest = np.zeros((batch, 1, 0), np.float32)
    at = 0
    for piece in pieces:
        for start in range(0, piece.shape[2], block * BLOCKS_PER_CALL):
            part = piece[:, :, start : start + block * BLOCKS_PER_CALL]
            rest = np.concatenate([rest, part], axis=2)
            whole = rest.shape[2] - rest.shape[2] % block
            heard = rest[:, :, :whole]
            y, state = play_along(
                model, params, heard, layout, state, course, at, at + whole
            )
            rest = rest[:, :, whole:]
            at += whole
            yield y
    if rest.shape[2]:  # the tail is played too: filled up, and cut again
        padded = np.pad(rest, ((0, 0), (0, 0), (0, block - rest.shape[2])))
        end = at + rest.shape[2]
        y, _ = play_along(model, params, padded, layout, state, course, at, end)
        yield y[:, :, : rest.shape[2]]


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
    state = layout.packed(quiet)
    return layout.decided(model, params, state, controls), state


def play_along(
    model: Model,
    params: Params,
    x: np.ndarray,
    layout: Layout,
    state: Carried,
    course: Course,
    first: int,
    end: int,
) -> tuple[np.ndarray, Carried]:
    """Plays x `[b, 1, n * block]`, samples `first` to `end` of a signal."""
    size, answers = layout.block, []
    for start, stop, controls in course.stretches(first, x.shape[2] // size, size, end):
        part = x[:, :, start * size : stop * size]
        y, state = play_whole(model, params, part, layout, state, controls)
        answers.append(y)
    return answers[0] if len(answers) == 1 else np.concatenate(answers, 2), state


def play_whole(
    model: Model,
    params: Params,
    x: np.ndarray,
    layout: Layout,
    state: Carried,
    controls: Array | np.ndarray | None,
) -> tuple[np.ndarray, Carried]:
    """Plays x `[b, 1, n * block]`, by compiled calls of one and the same shape.

    Shapes:
        controls `[b, k]`, or `[n, b, k, block]` where they move.
    """
    count = x.shape[2] // layout.block
    blocks = np.moveaxis(x.reshape(*x.shape[:2], count, layout.block), 2, 0)
    answers = []
    for start in range(0, count, BLOCKS_PER_CALL):
        part = blocks[start : start + BLOCKS_PER_CALL]
        knobs: Any = controls
        if controls is not None and controls.ndim == 4:
            knobs = filled(controls[start : start + BLOCKS_PER_CALL])
        y, state = play_blocks(
            model, params, filled(part), len(part), layout, state, knobs
        )
        answers.append(np.asarray(y)[: len(part)])
    played = np.concatenate([blocks[:0], *answers])
    return np.moveaxis(played, 0, 2).reshape(x.shape), state


def filled(part: np.ndarray | Array) -> np.ndarray:
    """As many blocks as a call takes, those that are missing being zeros."""
    room = np.zeros((BLOCKS_PER_CALL, *part.shape[1:]), np.float32)
    room[: len(part)] = part
    return room


def play_blocks(
    model: Model,
    params: Params,
    blocks: Array | np.ndarray,
    count: int | Array,
    layout: Layout,
    state: Carried,
    controls: Array | None = None,
) -> tuple[Array, Carried]:
    """The first `count` of blocks `[n, batch, 1, t]`, in one compiled call.

    The state given is used up.

    Shapes:
        controls `[batch, k]`, or `[n, batch, k, t]` where they move.
    """
    program = blocks_whole if layout.whole else blocks_in_parts
    return program(model, params, blocks, count, layout, state, controls)


def blocks_in_turn(
    model: Model,
    params: Params,
    blocks: Array,
    count: int | Array,
    layout: Layout,
    state: Carried,
    controls: Array | None,
) -> tuple[Array, Carried]:
    """What `play_blocks` compiles."""
    moving = controls is not None and controls.ndim == 4

    def one(index: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
        played, state = carry
        knobs = controls[index] if moving and controls is not None else controls
        y, state = layout.play(model, params, blocks[index], state, knobs)
        return played.at[index].set(y), state

    return jax.lax.fori_loop(0, count, one, (jnp.zeros_like(blocks), state))


compiled = partial(
    jax.jit,
    blocks_in_turn,
    static_argnames=("model", "layout"),
    donate_argnames="state",
)
blocks_whole = compiled(compiler_options=ONE_KERNEL)
blocks_in_parts = compiled(compiler_options=WIDE)
