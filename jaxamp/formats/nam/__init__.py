"""Neural Amp Modeler's .nam files."""

from jaxamp.formats.nam.file import (
    is_container,
    read_nam,
    read_parts,
    refuse_unplayable,
    shares,
    write_container,
    write_nam,
)
from jaxamp.formats.nam.metadata import training_record

__all__ = [
    "is_container",
    "read_nam",
    "read_parts",
    "refuse_unplayable",
    "shares",
    "training_record",
    "write_container",
    "write_nam",
]
