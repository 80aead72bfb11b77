"""States of a model that has heard something: a context, or long silence."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxamp.core.model import Array, Model, Params, State


def warm(
    model: Model, params: Params, context: Array, controls: Array | None = None
) -> State:
    """The state after hearing `context` `[b, c, t]` from an unknown past."""
    state = model.init_state(params, context.shape[0])
    _, state = model.apply(params, context, controls, state)
    return state


@partial(jax.jit, static_argnames=("model", "batch"))
def silence(
    model: Model, params: Params, batch: int = 1, controls: Array | None = None
) -> State:
    """The state of an amp that has been on for a while with nothing plugged in.

    Biases leave the layers of a quiet network away from zero, so silence is played
    to it for as long as it remembers.
    """
    quiet = jnp.zeros((batch, 1, model.warmup), jnp.float32)
    return warm(model, params, quiet, controls)
