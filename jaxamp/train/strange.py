"""A checkpoint looked at before Orbax opens it: it may be a stranger's.

Orbax follows links, reads texts of any size, takes arrays from wherever a text says,
and memory for whatever shape one claims. A checkpoint of ours is a few ordinary files,
and one vector for each kind of number, stored where Orbax stores them.
"""

import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxamp.core import RunError
from jaxamp.core.shown import shown
from jaxamp.core.small_files import LARGEST_FILE, small_json

MOST_FILES = 50_000
"""In all checkpoints of a run; one process writes about fifteen for each."""

DEEPEST = 8
"""Folders inside one another; Orbax makes five."""

LARGEST_STATE = 4 << 30
"""Bytes of all numbers of a state. A model of 100 million parameters, more than any
computer plays in real time, has 1.2 GB with Adam."""

KINDS = re.compile(r"(best_)?((?:float|bfloat|int|uint)\d{1,2}|bool)")
"""What vectors are called: the kind of their numbers, of the state or of the best."""

ARRAYS = ("np.ndarray", "jax.Array")

DATA = ("d", "manifest.ocdbt")
"""Names of what is not text: data, and the list of it."""


def refuse_strange_files(folder: Path) -> None:
    """Looks at what lies in a folder of checkpoints, and opens nothing.

    Raises:
        RunError: A link, something that is no file, or more or larger than any run's.
    """
    if not os.path.isdir(folder):
        return  # not there yet, or in a bucket, where there are no links
    for count, (entry, depth) in enumerate(everything(folder)):
        facts = entry.stat(follow_symlinks=False)
        text = stat.S_ISREG(facts.st_mode) and not is_data(entry.path)
        if entry.is_symlink():
            fault = "is a link"
        elif not (entry.is_dir() or entry.is_file()):
            fault = "is no ordinary file"
        elif text and facts.st_size > LARGEST_FILE:
            fault = f"is larger than {LARGEST_FILE} bytes"
        elif depth > DEEPEST or count > MOST_FILES:
            fault = f"is one of more than {MOST_FILES}, or more than {DEEPEST} deep"
        else:
            continue
        raise RunError(
            f"{shown(entry.path)} {fault}, which no checkpoint of a run holds. Nothing "
            "of it was read. Check where the run comes from."
        )


def everything(folder: Path) -> Iterator[tuple[os.DirEntry[str], int]]:
    """Every entry below a folder with its depth; links are not followed."""
    waiting = [(str(folder), 1)]
    while waiting:
        place, depth = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                yield entry, depth
                if entry.is_dir(follow_symlinks=False) and depth <= DEEPEST:
                    waiting.append((entry.path, depth + 1))


def is_data(path: str) -> bool:
    """Whether a file is TensorStore's: numbers, read in parts."""
    folder, name = os.path.split(path)
    return DATA[1] == name or os.path.basename(folder) == DATA[0]


def refuse_strange_state(folder: Path) -> None:
    """Looks at what a checkpoint says that it holds, before any of it is loaded.

    Raises:
        ValueError: Not what a run saves.
    """
    if not os.path.isdir(folder):
        return
    for name in ("_CHECKPOINT_METADATA", "record/metadata", "state/_METADATA"):
        if not isinstance(small_json(folder / name), dict):
            raise ValueError(f"{name} holds no object")
    names = stored_names(small_json(folder / "state" / "_METADATA"))
    sizes = [stored_bytes(folder / "state", name) for name in names]
    if sum(sizes) > LARGEST_STATE:
        raise ValueError(
            f"it claims {sum(sizes)} bytes of numbers; at most {LARGEST_STATE} are read"
        )


def stored_names(described: dict[str, Any]) -> list[str]:
    """The vectors that a state is described to hold.

    Raises:
        ValueError: It is stored in another way, or as something else.
    """
    vectors = described["tree_metadata"]
    if described["use_ocdbt"] is not True or described.get("use_zarr3"):
        raise ValueError("its arrays are not stored as a run stores them")
    names = []
    for key, one in vectors.items():
        name = one["key_metadata"][0]["key"]
        alone = len(one["key_metadata"]) == 1 and key == str((name,))
        kind = one["value_metadata"]["value_type"]
        if not (alone and kind_of(name) and kind in ARRAYS):
            raise ValueError(f"it holds {shown(str(key), 60)!r}, no vector of numbers")
        names.append(name)
    return names


def kind_of(name: str) -> str | None:
    """The kind of number in a vector of that name, or None where it is none."""
    found = KINDS.fullmatch(name)
    return found[2] if found else None


def stored_bytes(folder: Path, name: str) -> int:
    """What a vector takes in memory, by its own description; nothing of it is read.

    Raises:
        ValueError: No vector of that kind of number.
    """
    import tensorstore as ts  # noqa: PLC0415 (slow to import, and not needed to save)

    files = {"driver": "file", "path": f"{folder.absolute()}/"}
    arrays = {"driver": "ocdbt", "base": files, "path": f"{name}/"}
    store = {"driver": "zarr", "kvstore": arrays}
    array: Any = ts.open(store, read=True, open=True).result()
    if array.rank != 1 or array.dtype.name != kind_of(name):
        raise ValueError(f"its vector of {name} is {array.dtype.name} {array.shape}")
    piece = math.prod(array.chunk_layout.read_chunk.shape)
    if piece > max(1, array.shape[0]):
        raise ValueError(f"its vector of {name} is cut into pieces of {piece} numbers")
    return array.shape[0] * array.dtype.numpy_dtype.itemsize
