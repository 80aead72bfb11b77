"""Narrower models inside one: the first so many channels of every convolution.

A file says which widths its arrays may be cut to. A size v from 0 to 1 picks, of n
widths in ascending order, the one at v * n, rounded down; 1 is the last, the whole.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.layout import Slot
from jaxamp.formats.nam.wavenet import layout
from jaxamp.models import build
from jaxamp.models.layer_array import LayerArray, described
from jaxamp.models.wavenet import Shape, checked_shape


def slimmed(model: Model, params: Params, size: float | None) -> tuple[Model, Params]:
    """The model at a share of its full size; itself where it has no other widths.

    Raises:
        FormatError: It has parts that players cannot cut.
    """
    if size is None or model.architecture != "WaveNet":
        return model, params
    shape = checked_shape(**model.hyperparameters)
    if not any(array.allowed_channels for array in shape.arrays):
        return model, params
    widths = [width(array, size) for array in shape.arrays]
    if widths == [array.channels for array in shape.arrays]:
        return model, params
    refuse_uncut(shape)
    narrow = dataclasses.replace(shape, arrays=cut_arrays(shape.arrays, widths))
    options = {**model.hyperparameters, "arrays": [described(a) for a in narrow.arrays]}
    return build("WaveNet", options), cut(params, list(layout(narrow)))


def width(array: LayerArray, size: float) -> int:
    """The channels that a size stands for."""
    allowed = array.allowed_channels or (array.channels,)
    return allowed[max(0, min(int(size * len(allowed)), len(allowed) - 1))]


def refuse_uncut(shape: Shape) -> None:
    """Raises FormatError where a cut would not be what players do."""
    for array in shape.arrays:
        mixes = [part.groups for part in (array.layer1x1, array.head1x1) if part]
        groups = (array.groups, array.mixin_groups, *mixes)
        films = [film.groups for _, film in array.film]
        if any(count != 1 for count in (*groups, *films)):
            raise FormatError(
                "it has grouped convolutions, which cannot be made narrower. Read it "
                "at its full size."
            )
    if shape.head or any(array.head_kernel_size > 1 for array in shape.arrays):
        raise FormatError(
            "it has a head with a memory or after all arrays, which no player makes "
            "narrower. Read it at its full size."
        )


def cut_arrays(
    arrays: Sequence[LayerArray], widths: Sequence[int]
) -> tuple[LayerArray, ...]:
    """The arrays at other widths; a head is as wide as the array it feeds."""
    heads = (*widths[1:], arrays[-1].head_size)
    return tuple(
        dataclasses.replace(
            array,
            channels=channels,
            bottleneck=bottleneck(array, channels),
            head_size=head,
            allowed_channels=(),
        )
        for array, channels, head in zip(arrays, widths, heads, strict=True)
    )


def bottleneck(array: LayerArray, channels: int) -> int:
    """In proportion, rounded down, at least one."""
    if array.layer1x1 is None:
        return channels
    return max(1, array.bottleneck * channels // array.channels)


def cut(params: Params, slots: Sequence[Slot]) -> Params:
    """The first rows and columns of every array, as many as the slots have.

    Halves of gates and of FiLM are no exception: players cut them as one, and what was
    trained to be cut was trained that way.
    """
    tree: dict[str, Any] = {}
    if "condition" in params:
        tree["condition"] = params["condition"]
    for slot in slots:
        *branches, name = slot.path
        source: Mapping[str, Any] = params
        place = tree
        for key in branches:
            source, place = source[key], place.setdefault(key, {})
        whole = np.asarray(source[name])
        place[name] = whole[tuple(slice(size) for size in slot.shape)]
    return tree
