"""Weights as they are drawn before the first step."""

import math
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxamp.core import Array

Initial = Callable[[Array, tuple[int, ...]], Array]
"""(key, shape) -> what a parameter is before the first step."""

AT_ONCE = 4096
"""Numbers drawn for any layer of no more; the first of them are its own."""


def parameter(
    module: nn.Module, name: str, initial: Initial, shape: tuple[int, ...]
) -> Array:
    """The parameter of that name, drawn where the module is being initialised.

    As `Module.param`, which traces the draw in every call only to learn its shape: a
    tenth of the work of tracing a step of A1 nano.

    Raises:
        ValueError: It is of another shape.
    """
    found = module.get_variable("params", name)
    if found is None:
        return module.param(name, initial, shape)
    if found.shape != shape:
        raise ValueError(f"{module.name}.{name} is {found.shape}, not {shape}.")
    return found


def fan_in_uniform(fan_in: int) -> Initial:
    """Uniform within ±1/sqrt(fan_in), for weights and biases alike.

    Source:
        The default of PyTorch's convolutions and linear layers, which the field's
        recipes were tuned on.
    """
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return uniform(key, shape, dtype, bound)

    return init


def uniform(key: Array, shape: tuple[int, ...], dtype, bound: float) -> Array:
    """What `jax.random.uniform` draws within ±bound, by one program for all shapes.

    A number depends on its place and not on how many are drawn, and to compile a
    program for each shape takes longer than all else that is done before training.
    """
    size = math.prod(shape)
    if isinstance(key, Tracer) or size > AT_ONCE:
        return jax.random.uniform(key, shape, dtype, -bound, bound)
    numbers = np.asarray(many(key, dtype, bound))[:size]
    return jnp.asarray(numbers.reshape(shape))


@partial(jax.jit, static_argnums=1)
def many(key: Array, dtype, bound: float) -> Array:
    """As many numbers within ±bound as any small layer may need."""
    return jax.random.uniform(key, (AT_ONCE,), dtype, -bound, bound)
