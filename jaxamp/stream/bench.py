"""How long a model takes to play on this machine."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Model, Params
from jaxamp.stream.process import play_blocks, ready


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
