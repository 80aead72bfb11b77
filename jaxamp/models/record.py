"""Describes a model at once, and builds its network when it is first used.

A file is described, a configuration checked and a number of parameters compared in a
moment; Flax is imported by whoever plays or trains.
"""

import functools
import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxamp.core import (
    Array,
    Conditioning,
    ConfigError,
    Model,
    Params,
    State,
    check_conditioning,
)


class Functions(NamedTuple):
    """What a network computes; as in `Model`."""

    init: Callable[[Array], Params]
    init_state: Callable[[Params, int], State]
    apply: Callable[[Params, Array, Array | None, State], tuple[Array, State]]


def record(functions: Callable[[], Functions], **facts: Any) -> Model:
    """A model whose network is built when it is first used.

    Args:
        functions: Builds the network; called once at most.
        facts: The other fields of `Model`.
    """
    network = functools.cache(functions)

    def init(key: Array) -> Params:
        return network().init(key)

    def init_state(params: Params, batch: int) -> State:
        return network().init_state(params, batch)

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        return network().apply(params, x, controls, state)

    return Model(init=init, init_state=init_state, apply=apply, latency=0, **facts)


def refuse_unlike_sizes(**sizes: Any) -> None:
    """Raises ConfigError for a size, or one in a list, that is no whole number."""
    for name, value in sizes.items():
        for size in value if isinstance(value, list | tuple) else (value,):
            whole = isinstance(size, numbers.Integral) and not isinstance(size, bool)
            if not whole or size < 1:
                raise ConfigError(
                    f"{name}={value!r} must be a whole number of 1 or more"
                    f"{', or a list of them' if size is not value else ''}."
                )


def knob_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a model's knobs.

    Raises:
        ConfigError: Names that are no texts, or the same twice.
    """
    texts = not isinstance(names, str) and all(isinstance(n, str) and n for n in names)
    if not texts or len(set(names)) != len(names):
        raise ConfigError(
            f"controls={names!r} must list the names of the knobs, each another one."
        )
    return tuple(names)


def knobs_reach(conditioning: Any, controls: Sequence[str]) -> Conditioning | None:
    """How knobs reach the network: as told, or by concat; None where there are none.

    Raises:
        ConfigError: No such way, or no knobs for it.
    """
    if not controls and conditioning is None:
        return None
    found = check_conditioning("concat" if conditioning is None else conditioning)
    if not controls:
        raise ConfigError(
            f"The model's conditioning is {found.kind}, and it has no knobs. Name them "
            "in controls, or leave conditioning out."
        )
    return found


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
