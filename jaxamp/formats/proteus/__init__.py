"""The JSON of CoreAudioML's SimpleRNN, which Proteus and NeuralPi play."""

from jaxamp.formats.proteus.file import (
    write_coreaudioml,
    write_neuralpi,
    write_proteus,
)
from jaxamp.formats.proteus.simple_rnn import decode, encode

__all__ = ["decode", "encode", "write_coreaudioml", "write_neuralpi", "write_proteus"]
