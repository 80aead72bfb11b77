"""Turns a Flax module into the functions that every other floor works with."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import KNOB_MIDDLE, Array, ConfigError, Params, State
from jaxamp.models.record import Functions


def wrap(
    module: nn.Module,
    empty_state: Callable[[Params, int, Any], State],
    knobs: int = 0,
) -> Functions:
    """The functions of a stateless module and of the state that knows nothing.

    Args:
        empty_state: (parameters, batch, dtype) -> state.
        knobs: How many the module hears, as further channels behind the guitar.
    """

    def init(key: Array) -> Params:
        state = empty_state(None, 1, jnp.float32)
        # One sample: what is drawn does not depend on what is heard, and convolutions
        # that have not heard enough to answer compile to nothing.
        x = jnp.zeros((1, 1 + knobs, 1), jnp.float32)
        return module.init(key, x, state)["params"]

    def init_state(params: Params, batch: int) -> State:
        return empty_state(params, batch, jax.tree.leaves(params)[0].dtype)

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        if knobs or controls is not None:
            x = with_knobs(x, controls, knobs)
        return module.apply({"params": params}, x, state)  # pyright: ignore

    return Functions(init, init_state, apply)


def with_knobs(x: Array, controls: Array | None, knobs: int) -> Array:
    """The guitar with the knobs below it, each a channel.

    Shapes:
        x `[b, 1, t]`, controls `[b, k]`, `[b, k, t]` or None -> `[b, 1 + k, t]`

    Raises:
        ConfigError: The controls are not as many as the model has knobs.
    """
    moving = positions(x, controls, knobs)
    moving = jnp.broadcast_to(moving, (x.shape[0], knobs, x.shape[2]))
    return jnp.concatenate([x, moving.astype(x.dtype)], axis=1)


def positions(x: Array, controls: Array | None, knobs: int) -> Array:
    """Where the knobs stand while x is heard: `[b, k, t]`, or `[b, k, 1]` at rest.

    Raises:
        ConfigError: The controls are not as many as the model has knobs.
    """
    if controls is None:
        controls = jnp.full((x.shape[0], knobs), KNOB_MIDDLE)
    if controls.ndim not in (2, 3) or controls.shape[1] != knobs:
        raise ConfigError(
            f"Controls of shape {controls.shape} were given to a model that has "
            f"{knobs} knobs. Give [batch, {knobs}], or [batch, {knobs}, time] for "
            "knobs that move."
        )
    return controls if controls.ndim == 3 else controls[:, :, None]
