"""What the activations that players know compute."""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from jaxamp.core import ActivationSpec, Array, check_activation


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


def parametric_relu(
    x: Array,
    negative_slope: float = 0.25,
    negative_slopes: Sequence[float] | None = None,
) -> Array:
    """Two slopes; below zero one for all channels of x `[b, c, t]`, or one for each.

    The slopes are part of the shape and not learned here.
    """
    slope = jnp.asarray(negative_slope, x.dtype)
    if negative_slopes is not None:
        slope = jnp.asarray(negative_slopes, x.dtype)[:, None]
    return jnp.where(x > 0, x, slope * x)


ACTIVATIONS: Mapping[str, Callable[..., Array]] = {
    "Tanh": jnp.tanh,
    "Hardtanh": lambda x: jnp.clip(x, -1.0, 1.0),
    "Fasttanh": fast_tanh,
    "ReLU": jax.nn.relu,
    "LeakyReLU": lambda x, negative_slope=0.01: jnp.where(x > 0, x, negative_slope * x),
    "PReLU": parametric_relu,
    "Sigmoid": jax.nn.sigmoid,
    "SiLU": jax.nn.silu,
    "Hardswish": jax.nn.hard_swish,
    "LeakyHardtanh": leaky_hard_tanh,
    "Softsign": jax.nn.soft_sign,
}
"""name -> function; `ACTIVATION_OPTIONS` says which options each takes"""


def activation(spec: ActivationSpec) -> Callable[[Array], Array]:
    """The function a name, or `{"type": name, option: value}`, stands for.

    Raises:
        ConfigError: Unknown name or option, with the known ones.
    """
    name, options = check_activation(spec)
    function = ACTIVATIONS[name]
    return lambda x: function(x, **options)


def gated(
    mode: str, primary: ActivationSpec, secondary: ActivationSpec, x: Array
) -> Array:
    """What one half of the channels lets through of the other.

    `gated` multiplies the two activations; `blended` takes the first half's activation
    as far as the second half says, and the first half itself for the rest.

    Shapes:
        x `[b, 2 * c, t]` -> `[b, c, t]`
    """
    first, second = jnp.split(x, 2, axis=1)
    share = activation(secondary)(second)
    shaped = activation(primary)(first)
    if mode == "gated":
        return shaped * share
    return share * shaped + (1 - share) * first
