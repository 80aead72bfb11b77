"""The waist: every network, file from disk or circuit is one record of functions.

`apply` hears a block of any length and continues from a state. The length of the
past inside the state is the mode: nothing known (training windows), or everything
known (streaming). Silence is a state that is reached, not a buffer of zeros.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jax import Array
else:  # only a word in signatures here, and JAX is slow to import
    Array = Any

Params = Any
State = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """One definition of an amp, for training, whole files and streaming alike.

    Shapes:
        apply: x `[b, c, t]`, controls `[b, k]`, `[b, k, t]` or None, state
        -> y `[b, c, s]` answering the last `s <= t` samples, new state.
        `s = t` once `warmup` samples have been heard.
        Controls are 0 to 1, in the order of the names; None is the middle of each.
    """

    architecture: str
    """The name players know it by."""
    hyperparameters: Mapping[str, Any]
    """JSON-able; enough to rebuild the model."""
    sample_rate: int
    """Hz."""
    receptive_field: int
    """Samples that decide one output, itself included; 1 for recurrent models, more
    where convolutions lie below the cells."""
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
    controls: tuple[str, ...] = ()
    """The names of its knobs."""
    rings: bool = False
    """Whether all pasts `[b, c, p]` in the state may be handed over as rings."""


def parameter_count(params: Params) -> int:
    """How many numbers the model has learned."""
    if isinstance(params, Mapping):  # all networks; a file is counted without JAX
        return sum(parameter_count(part) for part in params.values())
    if hasattr(params, "size"):
        return params.size
    import jax  # noqa: PLC0415 (slow to import)

    return sum(leaf.size for leaf in jax.tree.leaves(params))
