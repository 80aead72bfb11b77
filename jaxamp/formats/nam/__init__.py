"""Neural Amp Modeler's .nam files."""

from jaxamp.formats.nam.file import read_nam, write_container, write_nam
from jaxamp.formats.nam.metadata import training_record

__all__ = [
    "read_nam",
    "training_record",
    "write_container",
    "write_nam",
]
