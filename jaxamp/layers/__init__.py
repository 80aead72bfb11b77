"""Parts of networks, each `(x, state) -> (y, state)`."""

from jaxamp.layers.activations import ACTIVATIONS, activation, gated
from jaxamp.layers.conv import CausalConv, Pointwise, last
from jaxamp.layers.drawn import fan_in_uniform
from jaxamp.layers.film import FiLM
from jaxamp.layers.knobs import (
    Knobs,
    LayerTurn,
    OutputScale,
    Turn,
    beside,
    positions,
)
from jaxamp.layers.one_kernel import fits_one_kernel, one_kernel
from jaxamp.layers.precision import precision
from jaxamp.layers.recurrent import GRU, INITIAL_WEIGHTS, LSTM
from jaxamp.layers.ring import Heard, Ring
from jaxamp.layers.state_space import StateSpace, filtered
from jaxamp.layers.tone_stack import Parts, ToneStack, tapered, tone_stack

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "INITIAL_WEIGHTS",
    "LSTM",
    "CausalConv",
    "FiLM",
    "Heard",
    "Knobs",
    "LayerTurn",
    "OutputScale",
    "Parts",
    "Pointwise",
    "Ring",
    "StateSpace",
    "ToneStack",
    "Turn",
    "activation",
    "beside",
    "fan_in_uniform",
    "filtered",
    "fits_one_kernel",
    "gated",
    "last",
    "one_kernel",
    "positions",
    "precision",
    "tapered",
    "tone_stack",
]
