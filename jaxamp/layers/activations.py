"""The activations players know, by the names model files give them."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxamp.core import Array, ConfigError


def fast_tanh(x: Array) -> Array:
    """A rational stand-in for tanh, with the coefficients players use."""
    a = jnp.abs(x)
    squared = x * x
    top = x * (2.45550750702956 + 2.45550750702956 * a)
    top = top + x * (0.893229853513558 + 0.821226666969744 * a) * squared
    below = 2.44506634652299 + (2.44506634652299 + squared) * jnp.abs(
        x + 0.814642734961073 * x * a
    )
    return top / below


def leaky_hard_tanh(
    x: Array,
    min_val: float = -1.0,
    max_val: float = 1.0,
    min_slope: float = 0.01,
    max_slope: float = 0.01,
) -> Array:
    """Linear between two corners, less steep outside them."""
    below = (x - min_val) * min_slope + min_val
    above = (x - max_val) * max_slope + max_val
    return jnp.where(x < min_val, below, jnp.where(x > max_val, above, x))


ACTIVATIONS: Mapping[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "Tanh": (jnp.tanh, ()),
    "Hardtanh": (lambda x: jnp.clip(x, -1.0, 1.0), ()),
    "Fasttanh": (fast_tanh, ()),
    "ReLU": (jax.nn.relu, ()),
    "LeakyReLU": (
        lambda x, negative_slope=0.01: jnp.where(x > 0, x, negative_slope * x),
        ("negative_slope",),
    ),
    "Sigmoid": (jax.nn.sigmoid, ()),
    "SiLU": (jax.nn.silu, ()),
    "Hardswish": (jax.nn.hard_swish, ()),
    "LeakyHardtanh": (
        leaky_hard_tanh,
        ("min_val", "max_val", "min_slope", "max_slope"),
    ),
    "Softsign": (jax.nn.soft_sign, ()),
}
"""name -> (function, the options it takes)"""


def activation(
    spec: str | Mapping[str, Any] | tuple[tuple[str, Any], ...],
) -> Callable[[Array], Array]:
    """The function a name, or `{"type": name, option: value}`, stands for.

    Raises:
        ConfigError: Unknown name or option, with the known ones.
    """
    options = {"type": spec} if isinstance(spec, str) else dict(spec)
    name = str(options.pop("type", None))
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"Activation {name!r} is not known. Known are: {', '.join(ACTIVATIONS)}."
        )
    function, allowed = ACTIVATIONS[name]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ConfigError(
            f"Activation {name} does not take {', '.join(unknown)}. It takes: "
            f"{', '.join(allowed) or 'no options'}."
        )
    return lambda x: function(x, **options)
