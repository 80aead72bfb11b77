"""The JSON of CoreAudioML's SimpleRNN, which Proteus and NeuralPi play."""

from jaxamp.formats.proteus.file import (
    refuse_for_neuralpi,
    refuse_for_proteus,
    write_coreaudioml,
    write_neuralpi,
    write_proteus,
)
from jaxamp.formats.proteus.simple_rnn import decode, encode, refuse_unlike

__all__ = [
    "decode",
    "encode",
    "refuse_for_neuralpi",
    "refuse_for_proteus",
    "refuse_unlike",
    "write_coreaudioml",
    "write_neuralpi",
    "write_proteus",
]
