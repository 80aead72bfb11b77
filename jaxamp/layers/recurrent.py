"""Recurrent cells run over a block, one sample after the other.

The part that does not depend on the previous output is one matrix product over the
whole block; only the recurrence itself is scanned.
"""

import flax.linen as nn
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.cells import gru, halved, in_chunks, lstm, plain_gru, plain_lstm
from jaxamp.layers.conv import fan_in_uniform

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


class Recurrence(nn.Module):
    """What LSTM and GRU have in common: how they begin and how they are played."""

    hidden: int
    longest_memory: float = 1.0
    """Samples that the cell which remembers longest remembers at first."""
    initial_weights: str = "uniform"
    """A name out of `INITIAL_WEIGHTS`."""
    plain: bool = False
    """Let JAX differentiate the loop; slower, equal to 1e-5, and known to `jax.jvp`."""

    def matrices(self, inputs: int, gates: int) -> tuple[Array, Array]:
        """The weights of the input and of the state."""
        of_input, of_state, _, _ = INITIAL_WEIGHTS[self.initial_weights]
        shape = (gates * self.hidden, inputs)
        weight = self.param("input_weight", of_input(inputs), shape)
        shape = (gates * self.hidden, self.hidden)
        init = of_state(self.hidden)
        return weight, self.param("recurrent_weight", init, shape)

    def bias(self, name: str, gates: str) -> Array:
        """A bias that spreads the memories of the cells."""
        _, _, of_bias, forget = INITIAL_WEIGHTS[self.initial_weights]
        init = of_bias(self.hidden)
        spread = remembering(init, self.longest_memory, gates, forget)
        return self.param(name, spread, (len(gates) * self.hidden,))


class LSTM(Recurrence):
    """Long short-term memory: a hidden voice and a slowly changing cell.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`, c `[b, hidden]`)
        -> y `[b, hidden, t]`, new state

    Source:
        Hochreiter & Schmidhuber 1997 with forget gates; rows of the weights in gate
        order input, forget, cell, output, as in .nam files and PyTorch.
    """

    @nn.compact
    def __call__(
        self, x: Array, state: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        weight, recurrent = self.matrices(x.shape[1], gates=4)
        bias = self.bias("bias", "ifgo")
        weights = halved((weight, bias, recurrent), (0.5, 0.5, 1.0, 0.5))
        cell = plain_lstm if self.plain else lstm
        y, state = in_chunks(cell, x.transpose(2, 0, 1), weights, state)
        return y.transpose(1, 2, 0), state


class GRU(Recurrence):
    """Gated recurrent unit: one hidden voice and two gates.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`,) -> y `[b, hidden, t]`, new state

    Source:
        Cho et al. 2014 with the reset gate after the product; rows in order reset,
        update, new, and two biases, as in PyTorch.
    """

    @nn.compact
    def __call__(
        self, x: Array, state: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        weight, recurrent = self.matrices(x.shape[1], gates=3)
        bias = self.bias("input_bias", "rzn")
        init = INITIAL_WEIGHTS[self.initial_weights][2](self.hidden)
        recurrent_bias = self.param("recurrent_bias", init, (3 * self.hidden,))
        weights = (weight, bias, recurrent, recurrent_bias)
        cell = plain_gru if self.plain else gru
        weights = halved(weights, (0.5, 0.5, 1.0))
        y, state = in_chunks(cell, x.transpose(2, 0, 1), weights, state)
        return y.transpose(1, 2, 0), state


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
