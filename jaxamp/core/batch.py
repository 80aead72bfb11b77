"""What one step learns from, as JAX carries it through compiled functions."""

import dataclasses

import jax

from jaxamp.core.model import Array

WINDOWS = "windows"
"""The axis of a mesh of devices along which the windows of a batch are dealt out."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    """Windows to learn from.

    The target answers the *last* s input samples; the t - s before them are context:
    the receptive field of a convolution, the burn-in of a recurrent model.

    Shapes:
        input `[b, c, t]`, target `[b, c, s]`, controls `[b, k]` or None.
    """

    input: Array
    target: Array
    controls: Array | None = None
