"""Parts of networks, each `(x, state) -> (y, state)`."""

from jaxamp.layers.activations import ACTIVATIONS, activation
from jaxamp.layers.conv import CausalConv, Pointwise, fan_in_uniform, last
from jaxamp.layers.precision import precision
from jaxamp.layers.recurrent import GRU, INITIAL_WEIGHTS, LSTM
from jaxamp.layers.ring import Heard, Ring

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "INITIAL_WEIGHTS",
    "LSTM",
    "CausalConv",
    "Heard",
    "Pointwise",
    "Ring",
    "activation",
    "fan_in_uniform",
    "last",
    "precision",
]
