"""ONNX files: a whole signal at once, or a block with the state going in and out."""

from jaxamp.formats.onnx.file import write_offline, write_stream

__all__ = ["write_offline", "write_stream"]
