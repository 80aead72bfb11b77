"""The words of a WaveNet's config in .nam files, in the spelling of every version."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core import ConfigError
from jaxamp.formats.fields import LONGEST_LIST, Fields
from jaxamp.formats.nam.activations import read_activation
from jaxamp.formats.nam.limits import (
    LONGEST_PAST,
    MOST_ARRAYS,
    MOST_LAYERS,
    MOST_PRODUCTS,
    MOST_REMEMBERED,
    MOST_TAPS,
)
from jaxamp.formats.strict_json import shown
from jaxamp.models.layer_array import FILM_SLOTS, GATING, layer_array

SLICING = "slice_channels_uniform"
"""The only way of making a WaveNet narrower that players know."""

ADVICE = "The file is damaged, or of a kind that no player of this format knows."


def read_config(fields: Fields, condition_size: int) -> dict[str, Any]:
    """The arguments of `jaxamp.models.wavenet`, apart from the condition.

    Problems are noted in the fields.
    """
    fields.only("in_channels", 1, "only mono models are supported")
    fields.take("head_scale")
    arrays, inputs = [], 1
    for item in fields.children("layers", MOST_ARRAYS):
        arrays.append(read_array(item, inputs, condition_size))
        inputs = arrays[-1]["channels"]
    options = {"arrays": arrays, "head": None}
    if fields.has("head") and arrays:
        options["head"] = read_post_head(fields.child("head"), arrays[-1]["head_size"])
    fields.refuse_unread()
    if not fields.problems:
        check_size(options, condition_size, fields)
    return options


def read_array(fields: Fields, inputs: int, condition_size: int) -> dict[str, Any]:
    """One layer array."""
    fields.only("input_size", inputs, f"{inputs} expected, the channels below")
    reason = f"{condition_size} expected, the channels of the condition"
    fields.only("condition_size", condition_size, reason)
    channels = fields.integer("channels")
    dilations = fields.integers("dilations")
    layers = len(dilations)
    array = {
        "channels": channels,
        "dilations": dilations,
        "kernel_size": read_kernel_sizes(fields, layers),
        "activation": read_activations(fields, "activation", layers),
        **read_head(fields),
        "bottleneck": fields.integer("bottleneck", channels),
        **read_gating(fields, layers),
        "groups": fields.integer("groups_input", 1),
        "mixin_groups": fields.integer("groups_input_mixin", 1),
        "layer1x1": read_layer1x1(fields),
        "head1x1": read_head1x1(fields),
        "film": read_films(fields),
        "allowed_channels": read_allowed_channels(fields, channels),
    }
    fields.refuse_unread()
    return array


def read_kernel_sizes(fields: Fields, layers: int) -> list[int]:
    """One size for all layers or one for each, under either key."""
    if fields.has("kernel_size") and fields.has("kernel_sizes"):
        fields.note("kernel_sizes", "is given beside kernel_size; only one may be")
    key = "kernel_sizes" if fields.has("kernel_sizes") else "kernel_size"
    if not isinstance(fields.take(key), list):
        return [fields.integer(key)] * layers
    sizes = fields.integers(key)
    if len(sizes) != layers:
        fields.note(key, f"lists {len(sizes)} sizes for {layers} dilations")
    return sizes


def read_activations(fields: Fields, key: str, layers: int) -> list[Any]:
    """One activation for all layers or one for each."""
    value = fields.take(key)
    if not isinstance(value, list):
        return [read_activation(fields, key, value)] * layers
    if len(value) != layers:
        fields.note(key, f"lists {len(value)} for {layers} dilations")
        return ["Tanh"] * layers
    return [
        read_activation(fields, f"{key}[{i}]", item) for i, item in enumerate(value)
    ]


def read_head(fields: Fields) -> dict[str, Any]:
    """The nested head, or the old keys; where both are given they must agree."""
    nested = old = None
    if fields.has("head"):
        head = fields.child("head")
        nested = {
            "head_size": head.integer("out_channels"),
            "head_kernel_size": head.integer("kernel_size"),
            "head_bias": head.boolean("bias"),
        }
        head.refuse_unread()
    if nested is None or fields.has("head_size") or fields.has("head_bias"):
        old = {
            "head_size": fields.integer("head_size"),
            "head_kernel_size": 1,
            "head_bias": fields.boolean("head_bias"),
        }
    if nested and old and nested != old:
        fields.note("head", "contradicts head_size and head_bias beside it")
    return nested or old or {}


def read_gating(fields: Fields, layers: int) -> dict[str, Any]:
    """Which layers have gates: the newer words, or the old `gated`."""
    old = "gated" if fields.boolean("gated", False) else "none"
    modes = fields.take("gating_mode", old)
    modes = list(modes) if isinstance(modes, list) else [modes] * layers
    if len(modes) != layers:
        fields.note("gating_mode", f"lists {len(modes)} for {layers} dilations")
    for mode in modes:
        if mode not in GATING:
            known = ", ".join(GATING)
            fields.note("gating_mode", f"is {shown(mode)}; known are {known}")
            break
    if (
        fields.has("gating_mode")
        and old != "none"
        and any(mode != old for mode in modes)
    ):
        fields.note("gated", "contradicts gating_mode beside it")
    secondary = fields.take("secondary_activation")
    if not isinstance(secondary, list):
        secondary = [secondary] * len(modes)
    if len(secondary) != layers or len(modes) != layers:
        fields.note("secondary_activation", f"must be one, or {layers}")
        return {}
    gates = [
        None if mode == "none" else read_gate(fields, index, gate)
        for index, (mode, gate) in enumerate(zip(modes, secondary, strict=True))
    ]
    return {"gating": modes, "secondary_activation": gates}


def read_gate(fields: Fields, index: int, value: Any) -> Any:
    """A gate's activation; where none is named, players take Sigmoid."""
    key = f"secondary_activation[{index}]"
    return "Sigmoid" if value is None else read_activation(fields, key, value)


def read_layer1x1(fields: Fields) -> dict[str, int] | None:
    """The mix for the layer above, on unless it is switched off."""
    if not fields.has("layer1x1"):
        return {"groups": 1}
    given = fields.child("layer1x1")
    active, groups = given.boolean("active", True), given.integer("groups", 1)
    given.refuse_unread()
    return {"groups": groups} if active else None


def read_head1x1(fields: Fields) -> dict[str, int] | None:
    """The mix for the head, off unless it is switched on."""
    if not fields.has("head1x1"):
        return None
    given = fields.child("head1x1")
    if not given.boolean("active", False):
        return None  # what else it says has no effect
    mix = {
        "out_channels": given.integer("out_channels"),
        "groups": given.integer("groups", 1),
    }
    given.refuse_unread()
    return mix


def read_films(fields: Fields) -> dict[str, dict[str, Any]]:
    """The modulations in use."""
    films = {}
    for slot in FILM_SLOTS:
        if fields.take(slot, False) is False:
            continue
        given = fields.child(slot)
        active = given.boolean("active", True)
        film = {
            "shift": given.boolean("shift", True),
            "groups": given.integer("groups", 1),
        }
        given.refuse_unread()
        if active:
            films[slot] = film
    return films


def read_allowed_channels(fields: Fields, channels: int) -> list[int]:
    """The widths to which players may cut the array; none if they may not."""
    if not fields.has("slimmable"):
        return []
    given = fields.child("slimmable")
    method = given.take("method", "")
    if method == "":
        return []
    if method != SLICING:
        given.note("method", f"is {shown(method)}; only {SLICING} is known")
        return []
    options = given.child("kwargs", {})
    if options.has("allowed_channels"):
        return options.integers("allowed_channels")
    if channels > LONGEST_LIST:
        given.note("kwargs", f"must list the allowed_channels of {channels} channels")
        return []
    return list(range(1, channels + 1))


def read_post_head(fields: Fields, inputs: int) -> dict[str, Any]:
    """The head after all arrays."""
    fields.only("in_channels", inputs, f"{inputs} expected, what the arrays give")
    activation = fields.take("activation")
    head = {
        "kernel_sizes": fields.integers("kernel_sizes"),
        "channels": fields.integer("channels"),
        "activation": read_activation(fields, "activation", activation),
        "out_channels": fields.integer("out_channels"),
    }
    fields.refuse_unread()
    return head


def check_size(options: Mapping[str, Any], condition_size: int, fields: Fields) -> None:
    """Notes what is too large to be a model of an amp, before memory is taken."""
    arrays: Sequence[Mapping[str, Any]] = options["arrays"]
    head = options["head"] or {"kernel_sizes": []}
    layers = sum(len(array["dilations"]) for array in arrays)
    if layers > MOST_LAYERS:
        fields.note("layers", f"has {layers} layers; {MOST_LAYERS} are supported")
    taps = sum(sum(a["kernel_size"]) + a["head_kernel_size"] for a in arrays)
    taps += sum(head["kernel_sizes"])
    if taps > MOST_TAPS:
        fields.note("layers", f"has {taps} taps; {MOST_TAPS} are supported")
    past = 1 + sum(reach(array) for array in arrays)
    past += sum(size - 1 for size in head["kernel_sizes"])
    if past > LONGEST_PAST:
        fields.note(
            "layers", f"hears {past} samples of the past; {LONGEST_PAST} are supported"
        )
    widest = max(max(array["channels"], array["bottleneck"]) for array in arrays)
    if past * widest > MOST_REMEMBERED:
        fields.note(
            "layers",
            f"hears {past} samples of {widest} channels, {past * widest} numbers; "
            f"{MOST_REMEMBERED} are supported",
        )
    try:
        products = sum(ungrouped_macs(array, condition_size) for array in arrays)
    except ConfigError as problem:
        fields.note("layers", f"does not fit together: {problem}".rstrip("."))
        return
    if products > MOST_PRODUCTS:
        fields.note(
            "layers",
            f"needs {products} products a sample; {MOST_PRODUCTS} are supported",
        )


def reach(array: Mapping[str, Any]) -> int:
    """Samples of the past that may matter to the array's head."""
    layers = zip(array["kernel_size"], array["dilations"], strict=True)
    return sum((k - 1) * d for k, d in layers) + array["head_kernel_size"] - 1


def ungrouped_macs(array: Mapping[str, Any], condition_size: int) -> int:
    """Multiply-accumulates a sample, those with the zeros between groups included."""
    shape = layer_array(**array)
    whole = dataclasses.replace(
        shape,
        groups=1,
        mixin_groups=1,
        layer1x1=shape.layer1x1 and dataclasses.replace(shape.layer1x1, groups=1),
        head1x1=shape.head1x1 and dataclasses.replace(shape.head1x1, groups=1),
        film=tuple(
            (slot, dataclasses.replace(film, groups=1)) for slot, film in shape.film
        ),
    )
    return whole.macs(array["channels"], condition_size)
