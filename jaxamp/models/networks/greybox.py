"""Recurrent layers around a tone stack."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers import GRU, LSTM, ToneStack, fan_in_uniform, positions, tapered
from jaxamp.layers.drawn import parameter
from jaxamp.layers.tone_stack import POTS
from jaxamp.models.record import Functions
from jaxamp.models.recurrent import CELLS
from jaxamp.models.wrap import drawn

LAYERS = {"LSTM": LSTM, "GRU": GRU}

USUAL_RANGE = 2.3
"""The logarithm of what the gain knob turned up multiplies at first: ten."""

USUAL_MAKE_UP = 4.0
"""What makes up for the tone stack at first; it halves most sounds about twice."""


class GreyBox(nn.Module):
    """Preamp, tone stack, power amp.

    Shapes:
        x `[b, 1, t]`, knobs: name -> `[b, t]` or at rest `[b, 1]`, state
        -> y `[b, 1, t]`, state
    """

    roles: tuple[tuple[str, str], ...]
    """(what it does, the knob)"""
    cell: str
    sizes: tuple[int, int]
    circuit: str
    longest_memory: float
    sample_rate: int

    @nn.compact
    def __call__(
        self, x: Array, knobs: Mapping[str, Array], state: tuple[Any, ...]
    ) -> tuple[Array, Any]:
        doing = {role: knobs[name] for role, name in self.roles}
        others = [
            knobs[name] for name in knobs if name not in dict(self.roles).values()
        ]
        cells, options = LAYERS[self.cell], {"longest_memory": self.longest_memory}

        heard = x
        if "gain" in doing:
            heard = beside(Gain(name="gain")(x, doing["gain"]), [doing["gain"]])
        voices, before = cells(self.sizes[0], **options, name="preamp_cells")(
            heard, state[0]
        )
        y = Mix(1.0, name="preamp")(voices, x)

        turned = {pot: doing[pot] for pot in POTS if pot in doing}
        learned = tuple(pot for pot in POTS if pot not in doing)
        stack = ToneStack(self.circuit, self.sample_rate, learned, name="tone_stack")
        y, between = stack(y, turned, state[1])
        make_up = parameter(self, "make_up", nn.initializers.zeros, ())
        y = y * (USUAL_MAKE_UP * jnp.exp(make_up))

        voices, after = cells(self.sizes[1], **options, name="power_cells")(
            beside(y, others), state[2]
        )
        # from one, amps that turn the sound upside down were learned by way of silence
        mixed = Mix(0.0, name="power_amp")(voices, y)
        return mixed, (before, between, after)


class Gain(nn.Module):
    """Turned up, it is louder: how much in all, and where on the way, is learned.

    Shapes:
        x `[b, 1, t]`, turn `[b, t]` or `[b, 1]` -> `[b, 1, t]`
    """

    @nn.compact
    def __call__(self, x: Array, turn: Array) -> Array:
        span = parameter(self, "range", nn.initializers.zeros, ())
        taper = parameter(self, "taper", nn.initializers.zeros, ())
        most = USUAL_RANGE * jnp.exp(span)
        return x * jnp.exp(most * tapered(turn, taper))[:, None]


class Mix(nn.Module):
    """A weighted sum of the cells' voices and of the sound that goes around them.

    Shapes:
        voices `[b, hidden, t]`, around `[b, 1, t]` -> `[b, 1, t]`
    """

    skip: float
    """How much of the sound goes around at first."""

    @nn.compact
    def __call__(self, voices: Array, around: Array) -> Array:
        size = voices.shape[1]
        weight = parameter(self, "weight", fan_in_uniform(size), (size,))
        bias = parameter(self, "bias", nn.initializers.zeros, ())
        skip = parameter(self, "skip", nn.initializers.constant(self.skip), ())
        mixed = jnp.sum(voices * weight[:, None], axis=1, keepdims=True)
        return mixed + skip * around + bias


def beside(x: Array, knobs: list[Array]) -> Array:
    """The sound `[b, 1, t]` with a channel for each knob below it."""
    channels = [jnp.broadcast_to(knob[:, None], x.shape) for knob in knobs]
    return jnp.concatenate([x, *(one.astype(x.dtype) for one in channels)], axis=1)


def functions(controls: tuple[str, ...], **shape: Any) -> Functions:
    """What the amp computes; the others are the arguments of `GreyBox`.

    The knobs are not made channels of the sound, as elsewhere: at rest, the tone
    stack's filter is designed once a call and not for every sample.
    """
    amp = GreyBox(**shape)

    def empty_state(batch: int, dtype: Any) -> tuple[Any, ...]:
        def cells(size: int) -> tuple[Array, ...]:
            parts = CELLS[amp.cell].state
            return tuple(jnp.zeros((batch, size), dtype) for _ in parts)

        return cells(amp.sizes[0]), jnp.zeros((batch, 3), dtype), cells(amp.sizes[1])

    def init(key: Array) -> Any:
        x = jax.ShapeDtypeStruct((1, 1, 1), jnp.float32)
        knobs = {name: jax.ShapeDtypeStruct((1, 1), jnp.float32) for name in controls}
        state = jax.eval_shape(lambda: empty_state(1, jnp.float32))
        return drawn(amp, key, x, knobs, state)

    def init_state(params: Any, batch: int) -> tuple[Any, ...]:
        return empty_state(batch, jax.tree.leaves(params)[0].dtype)

    def apply(
        params: Any, x: Array, controls_: Array | None, state: Any
    ) -> tuple[Array, Any]:
        places = positions(controls_, x, len(controls))
        knobs = {name: places[:, index] for index, name in enumerate(controls)}
        return amp.apply({"params": params}, x, knobs, state)  # pyright: ignore

    return Functions(init, init_state, apply)
