"""Stacks of LSTM or GRU layers, with or without a head.

With a head, the output is a weighted sum of the last layer's hidden voices, plus the
guitar itself where `skip` is on. Without one, the last layer has a single cell whose
hidden value is the output, as in the stack of 2018.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array, ConfigError, Model
from jaxamp.layers import GRU, INITIAL_WEIGHTS, LSTM, Pointwise
from jaxamp.models.wrap import remember, wrap

CELLS = {"LSTM": (LSTM, ("h", "c")), "GRU": (GRU, ("h",))}
"""name -> (layer, the parts of its state)"""

SECONDS_TO_SETTLE = 0.5
"""Silence played to a recurrent model before the first sample, as players do."""


class Recurrent(nn.Module):
    """Recurrent layers and an optional linear head.

    Shapes:
        x `[b, 1, t]`, state -> y `[b, 1, t]`, state
    """

    cell: str
    hidden: tuple[int, ...]
    skip: bool
    head: bool
    learned_state: bool
    longest_memory: float
    initial_weights: str

    @nn.compact
    def __call__(self, x: Array, state: tuple[Any, ...]) -> tuple[Array, Any]:
        layer, parts = CELLS[self.cell]
        y, new_state = x, []
        for index, (hidden, past) in enumerate(zip(self.hidden, state, strict=True)):
            beginning = (self.longest_memory, self.initial_weights)
            cells = layer(hidden, *beginning, name=f"layer_{index}")
            y, new_past = cells(y, past)
            new_state.append(new_past)
            if self.learned_state:  # read by the initial state, not here
                for part in parts:
                    name = f"initial_{part}_{index}"
                    self.param(name, nn.initializers.zeros, (hidden,))
        if self.head:
            y = Pointwise(1, name="head")(y)
        if self.skip:
            y = y + x
        return y, tuple(new_state)


@remember
def recurrent(
    *,
    cell: str = "LSTM",
    hidden: Sequence[int] = (16,),
    skip: bool = False,
    head: bool = True,
    learned_state: bool = False,
    longest_memory: float = 100.0,
    initial_weights: str = "uniform",
    sample_rate: int = 48_000,
) -> Model:
    """A stack of recurrent layers.

    Args:
        cell: LSTM or GRU.
        hidden: Cells in each layer, bottom to top.
        skip: Add the guitar to the output.
        head: Mix the top layer to one output; without it the top layer is one cell.
        learned_state: Learn the state before the first sample; otherwise it is zero
            and the burn-in of each window settles it.
        longest_memory: Samples that the cells remember at first, from 1 to this.
            With 100, LSTM 1x16 learns a high-gain amp with cabinet to ESR 0.42 in
            310 steps of the A1 recipe (mean of three seeds); with PyTorch's own
            start, smaller input weights included, one seed stayed at 0.97.
        initial_weights: `uniform` or `glorot`. A stack that ends in one cell needs
            glorot: 64-64-1 then learns the demo to ESR 0.08 in 100 steps, and
            nothing in 300 with uniform, at four times the learning rate.
    """
    hidden = tuple(hidden)
    if cell not in CELLS:
        raise ConfigError(f"Cell {cell!r} is not known. Known are: {', '.join(CELLS)}.")
    if not hidden or min(hidden) < 1:
        raise ConfigError(f"hidden must list at least one size of 1 or more: {hidden}.")
    if not head and hidden[-1] != 1:
        raise ConfigError(
            f"Without a head the last layer is the output, so it must have one cell, "
            f"not {hidden[-1]}. Turn the head on or end `hidden` with 1."
        )
    if initial_weights not in INITIAL_WEIGHTS:
        raise ConfigError(
            f"initial_weights={initial_weights!r} is not known. Known are: "
            f"{', '.join(INITIAL_WEIGHTS)}."
        )
    if longest_memory < 1:
        raise ConfigError(f"longest_memory={longest_memory} must be 1 sample or more.")
    parts = CELLS[cell][1]

    def empty_state(params: Any, batch: int, dtype: Any) -> tuple[Any, ...]:
        def initial(part: str, index: int, size: int) -> Array:
            if learned_state and params is not None:
                value = params[f"initial_{part}_{index}"]
            else:
                value = jnp.zeros(size, dtype)
            return jnp.broadcast_to(value, (batch, size))

        return tuple(
            tuple(initial(part, index, size) for part in parts)
            for index, size in enumerate(hidden)
        )

    return wrap(
        Recurrent(
            cell, hidden, skip, head, learned_state, longest_memory, initial_weights
        ),
        empty_state,
        architecture=cell,
        hyperparameters={
            "cell": cell,
            "hidden": list(hidden),
            "skip": skip,
            "head": head,
            "learned_state": learned_state,
            "longest_memory": longest_memory,
            "initial_weights": initial_weights,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=1,
        warmup=round(SECONDS_TO_SETTLE * sample_rate),
    )


def is_recurrent(model: Model) -> bool:
    """Whether the model's memory has no end, so that its past is never certain."""
    return model.receptive_field == 1 and model.warmup > 0
