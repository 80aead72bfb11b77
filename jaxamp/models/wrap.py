"""Turns a Flax module into the functions that every other floor works with."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array, Params, State
from jaxamp.models.record import Functions


def wrap(
    module: nn.Module, empty_state: Callable[[Params, int, Any], State]
) -> Functions:
    """The functions of a stateless module and of the state that knows nothing.

    Args:
        empty_state: (parameters, batch, dtype) -> state.
    """

    def init(key: Array) -> Params:
        state = empty_state(None, 1, jnp.float32)
        # One sample: what is drawn does not depend on what is heard, and convolutions
        # that have not heard enough to answer compile to nothing.
        x = jnp.zeros((1, 1, 1), jnp.float32)
        return module.init(key, x, state)["params"]

    def init_state(params: Params, batch: int) -> State:
        return empty_state(params, batch, jax.tree.leaves(params)[0].dtype)

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        del controls  # these architectures have no knobs
        return module.apply({"params": params}, x, state)  # pyright: ignore

    return Functions(init, init_state, apply)
