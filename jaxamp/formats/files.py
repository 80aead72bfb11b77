"""Model files on disk: read within bounds, replaced in one stroke.

A file from the internet may be anything, so nothing is read before its size is known.
A file that is being replaced is whole at every moment: the old one or the new one.
"""

import contextlib
import os
from pathlib import Path

from jaxamp.core import FormatError

LARGEST_FILE = 32 * 2**20
"""Bytes. The largest known models take less than 1 MB; a text takes up to nine times
its size while it is read."""


def read_bounded(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """The bytes of a file no larger than `limit`.

    Raises:
        FormatError: The file is missing, too large or cannot be opened.
    """
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise FormatError(f"{path} {what}. Give the path of a model file.")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as problem:
        raise FormatError(
            f"{path} cannot be opened: {problem.strerror}. Check its permissions."
        ) from None
    if len(data) > limit:
        raise FormatError(
            f"{path.name} is larger than {limit // 2**20} MB, which no model that "
            "plays in real time comes near. Check that it is a model file."
        )
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Writes under another name in the same folder, then takes the name over.

    Raises:
        FormatError: The folder is missing or cannot be written to.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise FormatError(
            f"{path} cannot be written: {problem.strerror}. "
            "Check that the folder exists and may be written to."
        ) from None
