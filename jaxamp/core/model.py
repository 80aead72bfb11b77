"""The waist: every network, file from disk or circuit is one record of functions.

`apply` hears a block of any length and continues from a state. The length of the
past inside the state is the mode: nothing known (training windows), or everything
known (streaming). Silence is a state that is reached, not a buffer of zeros.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

Params = Any
State = Any
Array = jax.Array


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """One definition of an amp, for training, whole files and streaming alike.

    Shapes:
        apply: x `[b, c, t]`, controls `[b, k]`, `[b, k, t]` or None, state
        -> y `[b, c, s]` answering the last `s <= t` samples, new state.
        `s = t` once `warmup` samples have been heard.
    """

    architecture: str
    """The name players know it by."""
    hyperparameters: Mapping[str, Any]
    """JSON-able; enough to rebuild the model."""
    sample_rate: int
    """Hz."""
    receptive_field: int
    """Samples that decide one output, itself included; 1 for recurrent models."""
    warmup: int
    """Samples that settle an unknown past."""
    latency: int
    """Samples the output lags behind the input."""
    macs_per_sample: int
    """Multiply-accumulates for one output sample."""
    init: Callable[[Array], Params]
    """key -> parameters"""
    init_state: Callable[[Params, int], State]
    """parameters, batch -> a state that knows nothing of the past"""
    apply: Callable[[Params, Array, Array | None, State], tuple[Array, State]]


def parameter_count(params: Params) -> int:
    """How many numbers the model has learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


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
