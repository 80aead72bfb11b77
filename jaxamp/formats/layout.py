"""Where each parameter lies in a flat list of numbers.

One layout serves both directions, so what is written is read back by construction.
It is a fact about the player that wrote or reads the file; the layers do not know it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxamp.core import FormatError, Params, parameter_count


class Slot(NamedTuple):
    """One array of numbers, last axis fastest."""

    path: tuple[str, ...]
    """Keys from the root of the parameter tree to the leaf."""
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it takes; exact however large."""
        return math.prod(self.shape)


def unpack(slots: Sequence[Slot], numbers: np.ndarray) -> Params:
    """The tree of arrays that the numbers fill.

    Raises:
        FormatError: The numbers are too few or too many.
    """
    refuse_count(sum(slot.size for slot in slots), len(numbers))
    tree: dict[str, Any] = {}
    start = 0
    for slot in slots:
        branch = tree
        for key in slot.path[:-1]:
            branch = branch.setdefault(key, {})
        end = start + slot.size
        branch[slot.path[-1]] = numbers[start:end].reshape(slot.shape)
        start = end
    return tree


def refuse_count(expected: int, got: int) -> None:
    """Raises FormatError where a file's weights do not fit its config."""
    if expected != got:
        raise FormatError(
            f"its config asks for a different number of weights: expected {expected}, "
            f"got {got}. The file is damaged or was made by hand; export it again."
        )


def pack(slots: Iterable[Slot], tree: Params) -> np.ndarray:
    """The numbers of a tree, float32, in the order of the slots.

    Raises:
        FormatError: The tree has other leaves than the slots, or is not finite.
    """
    parts = [leaf(tree, slot) for slot in slots]
    numbers = np.concatenate(parts)
    if parameter_count(tree) != len(numbers):
        raise FormatError(
            f"The model has {len(numbers)} parameters and was given "
            f"{parameter_count(tree)}. Give the parameters of this very model."
        )
    if not np.all(np.isfinite(numbers)):
        raise FormatError(
            f"{np.count_nonzero(~np.isfinite(numbers))} of {len(numbers)} parameters "
            "are not finite: the training diverged. Keep an earlier checkpoint, or "
            "train again with a lower learning rate."
        )
    return numbers


def leaf(tree: Params, slot: Slot) -> np.ndarray:
    """One array of the tree, flat."""
    for key in slot.path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    shape = None if tree is None else np.shape(tree)
    if shape != slot.shape:
        raise FormatError(
            f"Parameter {'.'.join(slot.path)} has shape {shape}, the model expects "
            f"{slot.shape}. Give the parameters of this very model."
        )
    return np.asarray(tree, np.float32).ravel()
