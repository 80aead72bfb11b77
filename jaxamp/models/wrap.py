"""Turns a Flax module into the record every other floor works with."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array, Model, Params, State


def wrap(
    module: nn.Module,
    empty_state: Callable[[Params, int, Any], State],
    *,
    architecture: str,
    hyperparameters: Mapping[str, Any],
    sample_rate: int,
    receptive_field: int,
    warmup: int,
) -> Model:
    """A model made of a stateless module and the state that knows nothing.

    Args:
        empty_state: (parameters, batch, dtype) -> state.
    """

    def init(key: Array) -> Params:
        state = empty_state(None, 1, jnp.float32)
        x = jnp.zeros((1, 1, receptive_field), jnp.float32)
        return module.init(key, x, state)["params"]

    def init_state(params: Params, batch: int) -> State:
        return empty_state(params, batch, jax.tree.leaves(params)[0].dtype)

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        del controls  # these architectures have no knobs
        return module.apply({"params": params}, x, state)  # pyright: ignore

    return Model(
        architecture=architecture,
        hyperparameters=hyperparameters,
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=warmup,
        latency=0,
        macs_per_sample=count_macs(jax.eval_shape(init, jax.random.key(0))),
        init=init,
        init_state=init_state,
        apply=apply,
    )


def count_macs(params: Params) -> int:
    """Every weight multiplies once a sample; biases and initial states do not."""
    return sum(leaf.size for leaf in jax.tree.leaves(params) if leaf.ndim >= 2)


def freeze(value: Any) -> Any:
    """Lists to tuples and mappings to sorted pairs, so that modules can hash."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, freeze(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def remember(builder: Callable[..., Model]) -> Callable[..., Model]:
    """The same hyperparameters give the same model, so nothing compiles twice."""
    cache: dict[Any, Model] = {}
    signature = inspect.signature(builder)

    @functools.wraps(builder)
    def build(**hyperparameters: Any) -> Model:
        given = signature.bind(**hyperparameters)
        given.apply_defaults()
        key = freeze(given.arguments)
        if key not in cache:
            cache[key] = builder(**hyperparameters)
        return cache[key]

    return build
