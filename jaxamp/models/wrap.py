"""Turns a Flax module into the functions that every other floor works with."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array, Params, State
from jaxamp.layers import positions
from jaxamp.models.record import Functions


def wrap(
    module: nn.Module,
    empty_state: Callable[[Params, int, Any], State],
    knobs: int = 0,
    *,
    apart: bool = False,
) -> Functions:
    """The functions of a stateless module and of the state that knows nothing.

    Args:
        empty_state: (parameters, batch, dtype) -> state.
        knobs: How many the module hears.
        apart: Whether it is given their positions by themselves, `[b, k, t]` or
            `[b, k, 1]`; else they are further channels behind the guitar.
    """

    def heard(x: Array, controls: Array | None, state: State) -> tuple[Any, ...]:
        if apart:
            return x, state, positions(controls, x, knobs)
        if knobs or controls is not None:
            x = with_knobs(x, controls, knobs)
        return x, state

    def init(key: Array) -> Params:
        def one_sample() -> tuple[Any, ...]:
            x = jnp.zeros((1, 1, 1), jnp.float32)
            return heard(x, None, empty_state(None, 1, jnp.float32))

        return drawn(module, key, *jax.eval_shape(one_sample))

    def init_state(params: Params, batch: int) -> State:
        return empty_state(params, batch, jax.tree.leaves(params)[0].dtype)

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        variables = {"params": params}
        return module.apply(variables, *heard(x, controls, state))  # pyright: ignore

    return Functions(init, init_state, apply)


def drawn(module: nn.Module, key: Array, *heard: Any, **more: Any) -> Params:
    """The module's parameters before the first step.

    Args:
        heard, more: The shapes of what the module is given. What is drawn does not
            depend on it, so nothing is computed of it, which would have to be compiled.
    """
    return module.lazy_init(key, *heard, **more)["params"]


def with_knobs(x: Array, controls: Array | None, knobs: int) -> Array:
    """The guitar with the knobs below it, each a channel.

    Shapes:
        x `[b, 1, t]`, controls `[b, k]`, `[b, k, t]` or None -> `[b, 1 + k, t]`

    Raises:
        ConfigError: The controls are not as many as the model has knobs.
    """
    moving = positions(controls, x, knobs)
    moving = jnp.broadcast_to(moving, (x.shape[0], knobs, x.shape[2]))
    return jnp.concatenate([x, moving], axis=1)
