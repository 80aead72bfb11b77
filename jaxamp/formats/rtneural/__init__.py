"""The JSON of Keras-style layers, which RTNeural and AIDA-X play."""

from jaxamp.formats.rtneural.aidax import refuse_for_aidax, stored_pair, write_aidax
from jaxamp.formats.rtneural.file import (
    decode,
    encode,
    refuse_unplayable,
    write_rtneural,
)

__all__ = [
    "decode",
    "encode",
    "refuse_for_aidax",
    "refuse_unplayable",
    "stored_pair",
    "write_aidax",
    "write_rtneural",
]
