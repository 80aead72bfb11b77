"""The words in which a WaveNet's config is written: the oldest that can hold it.

Beside the old keys stands the later nested `head`: old players pass it over, and the
present trainer reads nothing else.
"""

from typing import Any

from jaxamp.core import FormatError
from jaxamp.formats.nam.activations import spelled_out
from jaxamp.formats.nam.document import CLASSIC, MODERN, PARTS
from jaxamp.formats.nam.wavenet_read import SLICING
from jaxamp.models.layer_array import FILM_SLOTS, LayerArray, described, thawed
from jaxamp.models.wavenet import Shape

CLASSIC_WORDS = {
    "channels",
    "dilations",
    "kernel_size",
    "activation",
    "head_size",
    "head_kernel_size",
    "head_bias",
}
"""Of an array's description, what 0.5 has words for.

It has one for gates as well, but players that know no other play them wrongly, and the
trainer's reader passes it over.
"""


def oldest_version(shape: Shape) -> str:
    """The oldest version of the format that can hold the shape."""
    if shape.head or any(is_modern(array) for array in shape.arrays):
        return MODERN
    if shape.condition or not all(is_classic(array) for array in shape.arrays):
        return PARTS
    return CLASSIC


def is_modern(array: LayerArray) -> bool:
    """Whether the array has what came with 0.7."""
    unlike = len(set(array.kernel_sizes)) > 1
    return unlike or array.head_kernel_size > 1 or bool(array.allowed_channels)


def is_classic(array: LayerArray) -> bool:
    """Whether 0.5 has words for the array, which has nothing of 0.7: the A1 shapes."""
    one = array.activations[0]
    alike = isinstance(one, str) and set(array.activations) == {one}
    return alike and described(array).keys() <= CLASSIC_WORDS


def write_config(shape: Shape) -> dict[str, Any]:
    """The config, apart from the condition.

    Raises:
        FormatError: Players have no words for the shape.
    """
    refuse_unlike(shape)
    version = oldest_version(shape)
    inputs = (1, *(array.channels for array in shape.arrays))
    layers = [
        classic_array(array, i)
        if version == CLASSIC
        else spelled_array(array, i, shape.condition_size, version)
        for array, i in zip(shape.arrays, inputs, strict=False)
    ]
    return {
        "layers": layers,
        "head": post_head(shape),
        "head_scale": shape.head_scale,
    }


def refuse_unlike(shape: Shape) -> None:
    """Raises FormatError where players ask for more than this house does."""
    for below, above in zip(shape.arrays, shape.arrays[1:], strict=False):
        if below.head_size != above.channels:
            raise FormatError(
                f"A .nam file cannot hold a layer array with head_size "
                f"{below.head_size} below one with {above.channels} channels: players "
                "want the two numbers to be equal."
            )


def classic_array(array: LayerArray, inputs: int) -> dict[str, Any]:
    """In the words of 0.5."""
    return {
        "input_size": inputs,
        "condition_size": 1,
        "head_size": array.head_size,
        "channels": array.channels,
        "kernel_size": array.kernel_sizes[0],
        "dilations": list(array.dilations),
        "activation": array.activations[0],
        "gated": False,
        "head_bias": array.head_bias,
        "head": nested_head(array),
    }


def spelled_array(
    array: LayerArray, inputs: int, condition_size: int, version: str
) -> dict[str, Any]:
    """Everything spelled out, as the players' fast path for A2 wants it.

    The trainer's reader takes activations as objects only beside both gating lists.
    """
    head1x1, film = array.head1x1, dict(array.film)
    secondary = (thawed(item) for item in array.secondary_activations)
    return {
        "input_size": inputs,
        "condition_size": condition_size,
        **(later_words(array) if version == MODERN else earlier_words(array)),
        "channels": array.channels,
        "dilations": list(array.dilations),
        "activation": [spelled_out(thawed(item)) for item in array.activations],
        "bottleneck": array.bottleneck,
        "head1x1": {
            "active": head1x1 is not None,
            "out_channels": head1x1.out_channels if head1x1 else 1,
            "groups": head1x1.groups if head1x1 else 1,
        },
        "layer1x1": {
            "active": array.layer1x1 is not None,
            "groups": array.layer1x1.groups if array.layer1x1 else 1,
        },
        "groups_input": array.groups,
        "groups_input_mixin": array.mixin_groups,
        **{
            slot: {
                "active": slot in film,
                "shift": film[slot].shift if slot in film else True,
                "groups": film[slot].groups if slot in film else 1,
            }
            for slot in FILM_SLOTS
        },
        "gating_mode": list(array.gating),
        "secondary_activation": [item and spelled_out(item) for item in secondary],
    }


def earlier_words(array: LayerArray) -> dict[str, Any]:
    """What 0.6 still says as 0.5 did."""
    return {
        "head_size": array.head_size,
        "head_bias": array.head_bias,
        "head": nested_head(array),
        "kernel_size": array.kernel_sizes[0],
    }


def later_words(array: LayerArray) -> dict[str, Any]:
    """What 0.7 says in its own way."""
    widths = list(array.allowed_channels)
    slimmable = {"method": SLICING, "kwargs": {"allowed_channels": widths}}
    return {
        "head": nested_head(array),
        "kernel_sizes": list(array.kernel_sizes),
        "slimmable": slimmable if widths else None,
    }


def nested_head(array: LayerArray) -> dict[str, Any]:
    """The head in the words of 0.7."""
    return {
        "out_channels": array.head_size,
        "kernel_size": array.head_kernel_size,
        "bias": array.head_bias,
    }


def post_head(shape: Shape) -> dict[str, Any] | None:
    """The head after all arrays."""
    if shape.head is None:
        return None
    return {
        "channels": shape.head.channels,
        "activation": thawed(shape.head.activation),
        "out_channels": shape.head.out_channels,
        "kernel_sizes": list(shape.head.kernel_sizes),
    }
