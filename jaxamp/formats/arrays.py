"""Arrays in JSON: lists in lists, of just the lengths that the sizes ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Params
from jaxamp.formats.fields import Fields
from jaxamp.formats.strict_json import shown

LARGEST = float(np.finfo(np.float32).max)


def read_array(
    fields: Fields, key: str, value: Any, shape: Sequence[int]
) -> np.ndarray:
    """The array, in double precision; empty, and a problem noted, if it is no such one.

    Nothing is allocated for a size that a file only claims.
    """
    numbers = flattened(value, shape)
    if numbers is None:
        wanted = "".join(f"[{size}]" for size in shape)
        fields.note(key, f"must be lists of numbers {wanted}, not {outline(value)}")
        return np.zeros(0)
    array = np.asarray(numbers, np.float64).reshape(tuple(shape))
    if np.any(np.abs(array) > LARGEST):
        fields.note(key, "holds numbers beyond single precision")
    return array


def flattened(value: Any, shape: Sequence[int]) -> list[Any] | None:
    """The numbers in their order; None where any list has another length."""
    level = [value]
    for size in shape:
        if not all(type(part) is list and len(part) == size for part in level):
            return None
        level = [item for part in level for item in part]
    return level if set(map(type, level)) <= {int, float} else None


def outline(value: Any) -> str:
    """What is there instead, as far as first elements tell."""
    sizes = ""
    while type(value) is list and len(sizes) < 40:
        sizes += f"[{len(value)}]"
        value = value[0] if value else None
    if sizes and type(value) in (int, float):
        return f"{sizes}, or some lists differ"
    return f"{sizes} of {shown(value)}" if sizes else shown(value)


def single(tree: Params) -> Params:
    """Read in double precision, played in single.

    Raises:
        FormatError: A sum of what the file holds is beyond single precision.
    """
    if not isinstance(tree, dict):
        with np.errstate(over="ignore"):
            leaf = np.asarray(tree).astype(np.float32)
        if not np.all(np.isfinite(leaf)):
            raise FormatError(
                "its weights lead beyond single precision. The file is damaged; export "
                "it again."
            )
        return leaf
    return {key: single(part) for key, part in tree.items()}


def numbers(array: Any) -> list[Any]:
    """The lists that hold an array: single precision, written out exactly."""
    return np.asarray(array, np.float32).astype(np.float64).tolist()
