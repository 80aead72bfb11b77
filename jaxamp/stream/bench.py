"""How long a model takes to play on this machine: the whole, and block by block."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Model, Params
from jaxamp.stream.player import Player
from jaxamp.stream.process import play_blocks, ready

WARM_CALLS = 10
"""Played before time is taken."""


def realtime_factor(
    model: Model, params: Params, *, block: int = 64, seconds: float = 1.0
) -> float:
    """Seconds of audio per second of compute, in blocks of `block` samples.

    The blocks run inside one compiled call; the best of three, compilation left out.
    """
    count = max(1, round(seconds * model.sample_rate / block))
    noise = np.random.default_rng(0).normal(0.0, 0.1, (count, 1, 1, block))
    blocks = jnp.asarray(noise, jnp.float32)
    times = []
    for _ in range(4):  # the first compiles
        layout, state = ready(model, params, block)
        jax.block_until_ready(state)
        begin = time.perf_counter()
        played = play_blocks(model, params, blocks, count, layout, state)
        jax.block_until_ready(played)
        times.append(time.perf_counter() - begin)
    return count * block / model.sample_rate / min(times[1:])


def block_seconds(
    model: Model,
    params: Params,
    *,
    block: int,
    calls: int,
    most_seconds: float,
    controls: np.ndarray | None = None,
) -> np.ndarray:
    """Seconds that each of many calls took that played one block `[calls]`.

    The calls are those of playing live: one block from Python, and its answer as an
    array. They follow one another at once; none waits for a block to arrive.

    Args:
        most_seconds: Spent in all, after which there are fewer calls.
    """
    player = Player(model, params, block=block, controls=controls)
    noise = np.random.default_rng(0).normal(0.0, 0.1, (8, block)).astype(np.float32)
    state, times = player.silence(), []
    first = time.perf_counter()
    while len(times) < WARM_CALLS + calls:
        begin = time.perf_counter()
        y, state = player(noise[len(times) % len(noise)], state)
        np.asarray(y)
        end = time.perf_counter()
        times.append(end - begin)
        if end - first > most_seconds and len(times) > WARM_CALLS:
            break
    return np.array(times[WARM_CALLS:])
