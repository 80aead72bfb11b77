"""Recurrent cells run over a block, one sample after the other.

The part that does not depend on the previous output is one matrix product over the
whole block; only the recurrence itself is scanned.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array, Conditioning
from jaxamp.layers.cells import (
    State,
    gru,
    halved,
    in_chunks,
    lstm,
    plain_gru,
    plain_lstm,
)
from jaxamp.layers.drawn import fan_in_uniform, parameter
from jaxamp.layers.knobs import LayerTurn
from jaxamp.layers.turned import (
    Directions,
    Weights,
    plain_turned_gru,
    plain_turned_lstm,
    turned_gru,
    turned_lstm,
)

INITIAL_WEIGHTS = {
    "uniform": (fan_in_uniform, fan_in_uniform, fan_in_uniform, 0.0),
    "glorot": (
        lambda _: nn.initializers.glorot_uniform(in_axis=1, out_axis=0),
        lambda _: nn.initializers.orthogonal(),
        lambda _: nn.initializers.zeros,
        1.0,
    ),
}
"""name -> how the weights of the input, of the state, and the biases begin, each a
function of how many they add up, and what the forget gate's bias has on top; `uniform`
is PyTorch's habit, `glorot` Keras's"""

LSTM_FACTORS = (0.5, 0.5, 1.0, 0.5)
GRU_FACTORS = (0.5, 0.5, 1.0)
"""What each gate's rows are multiplied by before the loop; see `cells`."""


class Recurrence(nn.Module):
    """What LSTM and GRU have in common: how they begin and how they are played.

    With a `conditioning`, all gates' sums are turned by what the layers are told of the
    knobs: scaled and shifted, or added to by weights that change with the knobs.
    """

    hidden: int
    longest_memory: float = 1.0
    """Samples that the cell which remembers longest remembers at first."""
    initial_weights: str = "uniform"
    """A name out of `INITIAL_WEIGHTS`."""
    plain: bool = False
    """Let JAX differentiate the loop; slower, equal to 1e-5, and known to `jax.jvp`."""
    conditioning: Conditioning | None = None
    """film or hyper."""

    def matrices(self, inputs: int, gates: int) -> tuple[Array, Array]:
        """The weights of the input and of the state."""
        of_input, of_state, _, _ = INITIAL_WEIGHTS[self.initial_weights]
        shape = (gates * self.hidden, inputs)
        weight = parameter(self, "input_weight", of_input(inputs), shape)
        shape = (gates * self.hidden, self.hidden)
        init = of_state(self.hidden)
        return weight, parameter(self, "recurrent_weight", init, shape)

    def bias(self, name: str, gates: str) -> Array:
        """A bias that spreads the memories of the cells."""
        _, _, of_bias, forget = INITIAL_WEIGHTS[self.initial_weights]
        init = of_bias(self.hidden)
        spread = remembering(init, self.longest_memory, gates, forget)
        return parameter(self, name, spread, (len(gates) * self.hidden,))

    def turned(
        self,
        cell: Any,
        x: Array,
        weights: Weights,
        factors: Sequence[float],
        state: State,
        told: Array,
    ) -> tuple[Array, State]:
        """What turned gates make of x `[b, i, t]`.

        Args:
            weights: All rows whole; those that lead to a sigmoid are halved here.
            told: Of the knobs `[b, any, t]`, or `[b, any, 1]` where they rest.
        """
        conditioning = self.conditioning
        assert conditioning is not None
        x, rows = x.transpose(2, 0, 1), len(factors) * self.hidden
        turn = LayerTurn(conditioning, rows, name="knobs")(told)
        if conditioning.kind == "hyper":
            weights = weights._replace(
                directions=self.directions(conditioning.rank, rows, x.shape[2])
            )
        weights, shift = halved_rows(weights, turn.shift, factors)
        turn = turn._replace(shift=shift)
        if told.shape[2] == 1:
            moving, resting = None, jax.tree.map(lambda part: part[:, :, 0], turn)
        else:
            moving, resting = jax.tree.map(lambda p: p.transpose(2, 0, 1), turn), None
        y, state = in_chunks(cell, (x, moving), (weights, resting), state)
        return y.transpose(1, 2, 0), state

    def directions(self, rank: int, rows: int, inputs: int) -> Directions:
        """In which ways the weights may change; how far, the knobs say."""
        return Directions(
            up=parameter(self, "knobs_up", fan_in_uniform(rank), (rows, rank)),
            of_input=parameter(
                self,
                "knobs_input_down",
                fan_in_uniform(inputs + self.hidden),
                (rank, inputs),
            ),
            of_state=parameter(
                self,
                "knobs_recurrent_down",
                fan_in_uniform(inputs + self.hidden),
                (rank, self.hidden),
            ),
        )


class LSTM(Recurrence):
    """Long short-term memory: a hidden voice and a slowly changing cell.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`, c `[b, hidden]`), told of knobs
        `[b, any, t]`, `[b, any, 1]` or None
        -> y `[b, hidden, t]`, new state

    Source:
        Hochreiter & Schmidhuber 1997 with forget gates; rows of the weights in gate
        order input, forget, cell, output, as in .nam files and PyTorch.
    """

    @nn.compact
    def __call__(
        self, x: Array, state: State, told: Array | None = None
    ) -> tuple[Array, State]:
        weight, recurrent = self.matrices(x.shape[1], gates=4)
        bias = self.bias("bias", "ifgo")
        if told is not None:
            whole = Weights(weight, bias, recurrent, None, None)
            cell = plain_turned_lstm if self.plain else turned_lstm
            return self.turned(cell, x, whole, LSTM_FACTORS, state, told)
        weights = halved((weight, bias, recurrent), LSTM_FACTORS)
        cell = plain_lstm if self.plain else lstm
        y, state = in_chunks(cell, x.transpose(2, 0, 1), weights, state)
        return y.transpose(1, 2, 0), state


class GRU(Recurrence):
    """Gated recurrent unit: one hidden voice and two gates.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`,), told as for LSTM
        -> y `[b, hidden, t]`, new state

    Source:
        Cho et al. 2014 with the reset gate after the product; rows in order reset,
        update, new, and two biases, as in PyTorch.
    """

    @nn.compact
    def __call__(
        self, x: Array, state: State, told: Array | None = None
    ) -> tuple[Array, State]:
        weight, recurrent = self.matrices(x.shape[1], gates=3)
        bias = self.bias("input_bias", "rzn")
        init = INITIAL_WEIGHTS[self.initial_weights][2](self.hidden)
        recurrent_bias = parameter(self, "recurrent_bias", init, (3 * self.hidden,))
        if told is not None:
            whole = Weights(weight, bias, recurrent, recurrent_bias, None)
            cell = plain_turned_gru if self.plain else turned_gru
            return self.turned(cell, x, whole, GRU_FACTORS, state, told)
        weights = (weight, bias, recurrent, recurrent_bias)
        cell = plain_gru if self.plain else gru
        weights = halved(weights, GRU_FACTORS)
        y, state = in_chunks(cell, x.transpose(2, 0, 1), weights, state)
        return y.transpose(1, 2, 0), state


def halved_rows(
    weights: Weights, shift: Array, factors: Sequence[float]
) -> tuple[Weights, Array]:
    """Everything that adds to the gates, with each gate's rows times its factor.

    Args:
        shift: `[b, rows, t]`
    """
    of_input, bias, of_state = halved(
        (weights.of_input, weights.bias, weights.of_state), factors
    )
    state_bias, directions = weights.state_bias, weights.directions
    if state_bias is not None:
        (state_bias,) = halved((state_bias,), factors)
    if directions is not None:
        directions = directions._replace(up=halved((directions.up,), factors)[0])
    (shift,) = halved((shift.swapaxes(0, 1),), factors)
    halves = Weights(of_input, bias, of_state, state_bias, directions)
    return halves, shift.swapaxes(0, 1)


GATES_LEAN = {"i": -1.0, "f": 1.0, "z": 1.0}
"""gate -> which way its bias goes for a longer memory"""


def remembering(init, longest: float, gates: str, forget: float):
    """The initialiser of a bias that spreads memories from one sample to the longest.

    A cell whose forget gate (in a GRU: update gate) is biased by log t, and its input
    gate by -log t, forgets in about t samples. The cells' t are spread evenly on a
    logarithmic scale.

    Args:
        gates: The order of the rows, a letter for each gate.
        forget: Added to the forget gate's bias of every cell.

    Source:
        Tallec & Ollivier 2018, section 3 (there drawn at random).
    """

    def spread(key, shape, dtype=jnp.float32):
        rows = jnp.split(init(key, shape, dtype), len(gates))
        lean = jnp.linspace(0.0, jnp.log(longest), rows[0].size, dtype=dtype)
        leaned = [
            row + GATES_LEAN.get(gate, 0.0) * lean + forget * (gate == "f")
            for gate, row in zip(gates, rows, strict=True)
        ]
        return jnp.concatenate(leaned)

    return spread
