"""Recurrent cells run over a block, one sample after the other.

The part that does not depend on the previous output is one matrix product over the
whole block; only the recurrence itself is scanned.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.conv import fan_in_uniform

HIGHEST = jax.lax.Precision.HIGHEST


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


class LSTM(nn.Module):
    """Long short-term memory: a hidden voice and a slowly changing cell.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`, c `[b, hidden]`)
        -> y `[b, hidden, t]`, new state

    Source:
        Hochreiter & Schmidhuber 1997 with forget gates; rows of the weights in gate
        order input, forget, cell, output, as in .nam files and PyTorch.
    """

    hidden: int
    longest_memory: float = 1.0
    """Samples that the cell which remembers longest remembers at first."""
    initial_weights: str = "uniform"
    """A name out of `INITIAL_WEIGHTS`."""

    @nn.compact
    def __call__(
        self, x: Array, state: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        rows = 4 * self.hidden
        of_input, of_state, of_bias, forget = INITIAL_WEIGHTS[self.initial_weights]
        spread = remembering(of_bias(self.hidden), self.longest_memory, "ifgo", forget)
        shape = (rows, x.shape[1])
        weight = self.param("input_weight", of_input(x.shape[1]), shape)
        shape = (rows, self.hidden)
        recurrent = self.param("recurrent_weight", of_state(self.hidden), shape)
        bias = self.param("bias", spread, (rows,))
        driven = jnp.einsum("oi,bit->tbo", weight, x, precision=HIGHEST) + bias
        transposed = recurrent.T

        def advance(carry, driven):
            h, c = carry
            gates = driven + jnp.dot(h, transposed, precision=HIGHEST)
            i, f, g, o = jnp.split(gates, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        state, y = jax.lax.scan(advance, state, driven)
        return y.transpose(1, 2, 0), state


class GRU(nn.Module):
    """Gated recurrent unit: one hidden voice and two gates.

    Shapes:
        x `[b, i, t]`, state (h `[b, hidden]`,) -> y `[b, hidden, t]`, new state

    Source:
        Cho et al. 2014 with the reset gate after the product; rows in order reset,
        update, new, and two biases, as in PyTorch.
    """

    hidden: int
    longest_memory: float = 1.0
    """Samples that the cell which remembers longest remembers at first."""
    initial_weights: str = "uniform"
    """A name out of `INITIAL_WEIGHTS`."""

    @nn.compact
    def __call__(
        self, x: Array, state: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        rows = 3 * self.hidden
        of_input, of_state, of_bias, forget = INITIAL_WEIGHTS[self.initial_weights]
        spread = remembering(of_bias(self.hidden), self.longest_memory, "rzn", forget)
        shape = (rows, x.shape[1])
        weight = self.param("input_weight", of_input(x.shape[1]), shape)
        shape = (rows, self.hidden)
        recurrent = self.param("recurrent_weight", of_state(self.hidden), shape)
        input_bias = self.param("input_bias", spread, (rows,))
        init = of_bias(self.hidden)
        recurrent_bias = self.param("recurrent_bias", init, (rows,))
        driven = jnp.einsum("oi,bit->tbo", weight, x, precision=HIGHEST) + input_bias
        transposed = recurrent.T

        def advance(carry, driven):
            (h,) = carry
            back = jnp.dot(h, transposed, precision=HIGHEST) + recurrent_bias
            reset, update, new = jnp.split(driven, 3, axis=1)
            reset_back, update_back, new_back = jnp.split(back, 3, axis=1)
            r = jax.nn.sigmoid(reset + reset_back)
            z = jax.nn.sigmoid(update + update_back)
            n = jnp.tanh(new + r * new_back)
            h = (1 - z) * n + z * h
            return (h,), h

        state, y = jax.lax.scan(advance, state, driven)
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
