"""The JSON of Keras-style layers, which RTNeural and AIDA-X play."""

from jaxamp.formats.rtneural.aidax import stored_pair, write_aidax
from jaxamp.formats.rtneural.file import decode, encode, write_rtneural

__all__ = ["decode", "encode", "stored_pair", "write_aidax", "write_rtneural"]
