"""What knobs do to the layers of a network: scale them, shift them, change weights.

One small network of all knobs is shared by all layers; of what it says, each layer
makes its own `Turn` with one matrix. All these matrices begin at zero, so that knobs
begin without effect and any model without knobs can be gone on with.

The knobs act on the sample they are given with: a knob that moves does what a knob at
rest would do, sample by sample, and a block may be cut anywhere.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import KNOB_MIDDLE, Array, Conditioning, ConfigError
from jaxamp.layers.conv import Pointwise, convolve, last, product

DEPTH = 2
"""Layers of the small network."""


class Turn(NamedTuple):
    """What the knobs do to one layer's sum, before its activation.

    Shapes:
        each `[b, rows, t]`, or `[b, rows, 1]` where the knobs rest; `strengths` has the
        rank for rows.
    """

    scale: Array | None
    strengths: Array | None
    """How much of each direction in which the weights may change."""
    shift: Array

    def __call__(self, z: Array) -> Array:
        """z `[b, rows, t]`, scaled and shifted."""
        if self.scale is not None:
            z = z * beside(self.scale, z)
        return z + beside(self.shift, z)


def beside(part: Array, z: Array) -> Array:
    """The newest samples of `part`, as many as z has, or one for all."""
    return last(part, min(part.shape[2], z.shape[2]))


def positions(controls: Array | None, x: Array, knobs: int) -> Array:
    """Where the knobs stand while x `[b, c, t]` is heard: `[b, k, t]` or `[b, k, 1]`.

    Raises:
        ConfigError: The controls are not as many as there are knobs or samples.
    """
    if controls is None:
        controls = jnp.full((x.shape[0], knobs), KNOB_MIDDLE)
    fits = controls.ndim in (2, 3) and controls.shape[1] == knobs
    if not fits or (controls.ndim == 3 and controls.shape[2] not in (1, x.shape[2])):
        raise ConfigError(
            f"Controls of shape {controls.shape} were given to a model that has "
            f"{knobs} knobs. Give [batch, {knobs}], or [batch, {knobs}, time] for "
            "knobs that move."
        )
    controls = controls if controls.ndim == 3 else controls[:, :, None]
    return controls.astype(x.dtype)


class Knobs(nn.Module):
    """What all layers are told of the knobs.

    For concat the knobs themselves, counted from the middle; else what a small network
    makes of them.

    Shapes:
        positions `[b, k, t]`, 0 to 1 -> `[b, k or hidden, t]`
    """

    conditioning: Conditioning

    @nn.compact
    def __call__(self, positions: Array) -> Array:
        told = 2 * positions - 1
        if self.conditioning.kind != "concat":
            for index in range(DEPTH):
                layer = Pointwise(self.conditioning.hidden, name=f"layer_{index}")
                told = jnp.tanh(layer(told))
        return told


class LayerTurn(nn.Module):
    """One layer's turn, from what all layers are told; it begins as no change at all.

    Shapes:
        told `[b, any, t]` -> parts `[b, …, t]`
    """

    conditioning: Conditioning
    rows: int

    @nn.compact
    def __call__(self, told: Array) -> Turn:
        first = {"concat": 0, "film": self.rows, "hyper": self.conditioning.rank}
        kind = self.conditioning.kind
        made = first[kind] + self.rows
        y = from_zero(self, told, made, bias=kind != "concat")
        head, shift = y[:, : first[kind]], y[:, first[kind] :]
        return Turn(
            scale=1 + head if kind == "film" else None,
            strengths=head if kind == "hyper" else None,
            shift=shift,
        )


class OutputScale(nn.Module):
    """How loud the knobs make the output: `[b, 1, t]`, at first 1."""

    @nn.compact
    def __call__(self, told: Array) -> Array:
        return 1 + from_zero(self, told, 1, bias=True)


def from_zero(module: nn.Module, x: Array, channels: int, *, bias: bool) -> Array:
    """A matrix over the channels of x that is zero before anything is learned."""
    zeros = nn.initializers.zeros
    weight = module.param("weight", zeros, (channels, x.shape[1], 1))
    # one matrix product where the knobs rest, which a convolution of one sample is not
    still = x.shape[2] == 1
    y = product(weight[:, :, 0], x) if still else convolve(x, weight, dilation=1)
    return y + module.param("bias", zeros, (channels,))[:, None] if bias else y
