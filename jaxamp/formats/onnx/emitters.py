"""Which architectures can be written as graphs, and the ways they are refused."""

from collections.abc import Callable, Mapping

from jaxamp.core import FormatError
from jaxamp.formats.onnx import convnet, linear, recurrent, sequential, wavenet

EMITTERS: Mapping[str, Callable[..., str]] = {
    "WaveNet": wavenet.emit,
    "LSTM": recurrent.emit,
    "GRU": recurrent.emit,
    "ConvNet": convnet.emit,
    "Linear": linear.emit,
    "Sequential": sequential.emit,
}
"""architecture -> (graph, hyperparameters, parameters, state of silence, x) -> y"""


def emitter(architecture: str) -> Callable[..., str]:
    """What writes an architecture.

    Raises:
        FormatError: Nothing does.
    """
    if architecture not in EMITTERS:
        raise FormatError(
            f"The ONNX export does not know {architecture}. It knows: "
            f"{', '.join(EMITTERS)}. Train one of these, or write another format."
        )
    return EMITTERS[architecture]
