"""Recurrent layers and an optional linear head."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array, Conditioning
from jaxamp.layers import GRU, LSTM, Knobs, OutputScale, Pointwise, beside
from jaxamp.layers.drawn import parameter
from jaxamp.models.record import Functions
from jaxamp.models.recurrent import CELLS
from jaxamp.models.wrap import wrap

LAYERS = {"LSTM": LSTM, "GRU": GRU}


class Recurrent(nn.Module):
    """Recurrent layers and an optional linear head.

    Shapes:
        x `[b, 1 + knobs, t]`, state -> y `[b, 1, t]`, state; where there is a
        conditioning x `[b, 1, t]` and the positions of the knobs `[b, k, t]` or
        `[b, k, 1]`
    """

    cell: str
    hidden: tuple[int, ...]
    skip: float
    head: bool
    learned_state: bool
    longest_memory: float
    initial_weights: str
    conditioning: Conditioning | None = None
    """film or hyper; None where knobs are further inputs."""

    @nn.compact
    def __call__(
        self, x: Array, state: tuple[Any, ...], positions: Array | None = None
    ) -> tuple[Array, Any]:
        told = None
        if self.conditioning is not None and positions is not None:
            told = Knobs(self.conditioning, name="knobs")(positions)
        layer, parts = LAYERS[self.cell], CELLS[self.cell].state
        y, new_state = x, []
        for index, (hidden, past) in enumerate(zip(self.hidden, state, strict=True)):
            beginning = (self.longest_memory, self.initial_weights)
            cells = layer(
                hidden,
                *beginning,
                conditioning=self.conditioning,
                name=f"layer_{index}",
            )
            y, new_past = cells(y, past, told)
            new_state.append(new_past)
            if self.learned_state:  # read by the initial state, not here
                for part in parts:
                    name = f"initial_{part}_{index}"
                    parameter(self, name, nn.initializers.zeros, (hidden,))
        if self.head:
            y = Pointwise(1, name="head")(y)
            if told is not None:
                y = y * beside(OutputScale(name="knobs_output")(told), y)
        if self.skip:
            guitar = x[:, :1]
            y = y + (guitar if self.skip == 1 else self.skip * guitar)
        return y, tuple(new_state)


def functions(knobs: int, **shape: Any) -> Functions:
    """What the stack computes; the others are the arguments of `Recurrent`."""
    stack = Recurrent(**shape)

    def empty_state(params: Any, batch: int, dtype: Any) -> tuple[Any, ...]:
        def initial(part: str, index: int, size: int) -> Array:
            if stack.learned_state and params is not None:
                value = params[f"initial_{part}_{index}"]
            else:
                value = jnp.zeros(size, dtype)
            return jnp.broadcast_to(value, (batch, size))

        return tuple(
            tuple(initial(part, index, size) for part in CELLS[stack.cell].state)
            for index, size in enumerate(stack.hidden)
        )

    return wrap(stack, empty_state, knobs, apart=stack.conditioning is not None)
