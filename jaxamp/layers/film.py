"""Feature-wise modulation: a condition decides how loud each channel is, and where."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.conv import convolve, spread
from jaxamp.layers.drawn import parameter


class FiLM(nn.Module):
    """Multiplies each channel by what the condition says, and may add to it.

    It begins as no change at all, so a model that has learned without conditions goes
    on from where it was.

    Shapes:
        x `[b, c, t]`, condition `[b, k, t]` -> `[b, c, t]`

    Source:
        Perez et al. 2018, AAAI; as in .nam files, scales come before shifts.
    """

    shift: bool = True
    groups: int = 1

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        channels, heard = x.shape[1], condition.shape[1] // self.groups
        rows = 2 * channels if self.shift else channels
        weight = parameter(self, "weight", nn.initializers.zeros, (rows, heard, 1))
        bias = parameter(self, "bias", partial(no_change, channels), (rows,))
        y = convolve(condition, spread(weight, self.groups), dilation=1)
        y = y + bias[:, None]
        scaled = x * y[:, :channels]
        return scaled + y[:, channels:] if self.shift else scaled


def no_change(channels: int, key: Array, shape: tuple[int, ...]) -> Array:
    """Scales of one, then shifts of zero."""
    del key  # nothing is drawn
    return (jnp.arange(shape[0]) < channels).astype(jnp.float32)
