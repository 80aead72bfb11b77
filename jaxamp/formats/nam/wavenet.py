"""WaveNet in .nam files, of A1 and of A2 shape.

Both spellings are read. Written is the 0.5.4 schema where it can hold the model, with
the later nested `head` beside the old keys: old players pass it over, and the present
trainer reads nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Model, Params
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.layout import Slot, pack, refuse_count, unpack
from jaxamp.formats.nam.activations import read_activation, spelled_out
from jaxamp.formats.nam.document import CLASSIC, MODERN, Document
from jaxamp.formats.strict_json import shown
from jaxamp.models import build

MOST_ARRAYS = 16
MOST_LAYERS = 256
"""In all arrays together; A1 and A2 models have 20 and 23."""

MOST_TAPS = 4_096
"""In all convolutions together, each of which costs time to compile; A2 has 172."""

LONGEST_PAST = 10_000_000
"""Samples of receptive field: three and a half minutes."""

FILM_SLOTS = (
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
)

ADVICE = (
    "jaxamp plays WaveNets of plain dilated layers (A1 and A2 shapes); "
    "play this file with a player that knows all of it."
)


def decode(config: Any, weights: np.ndarray, sample_rate: int) -> tuple[Model, Params]:
    """The model that a config and its weights stand for.

    The last weight is the head scale; players pass over the one in the config.
    """
    arrays = read_config(config)
    slots = list(layout(arrays))
    refuse_count(sum(slot.size for slot in slots) + 1, len(weights))
    params = unpack(slots, weights[:-1].astype(np.float32))
    hyperparameters = {
        "arrays": arrays,
        "head_scale": float(weights[-1]),
        "sample_rate": sample_rate,
    }
    return build("WaveNet", hyperparameters), params


def encode(model: Model, params: Params, metadata: Mapping[str, Any]) -> Document:
    """The oldest schema that can hold the model."""
    arrays = model.hyperparameters["arrays"]
    head_scale = float(model.hyperparameters["head_scale"])
    classic = all(is_classic(array) for array in arrays)
    describe = classic_array if classic else modern_array
    inputs = [1, *(array["channels"] for array in arrays)]
    numbers = pack(list(layout(arrays)), params).astype(np.float64)
    return Document(
        version=CLASSIC if classic else MODERN,
        architecture="WaveNet",
        config={
            "layers": [describe(a, i) for a, i in zip(arrays, inputs, strict=False)],
            "head": None,
            "head_scale": head_scale,
        },
        weights=np.append(numbers, head_scale),
        sample_rate=model.sample_rate,
        metadata=metadata,
    )


def layout(arrays: Sequence[Mapping[str, Any]]) -> Iterator[Slot]:
    """Every array's parameters, in file order; the head scale follows."""
    inputs = 1
    for index, array in enumerate(arrays):
        root = f"array_{index}"
        channels = array["channels"]
        yield Slot((root, "rechannel", "weight"), (channels, inputs, 1))
        for layer, taps in enumerate(array["kernel_size"]):
            yield Slot((root, f"conv_{layer}", "weight"), (channels, channels, taps))
            yield Slot((root, f"conv_{layer}", "bias"), (channels,))
            yield Slot((root, f"mixin_{layer}", "weight"), (channels, 1, 1))
            yield Slot((root, f"layer1x1_{layer}", "weight"), (channels, channels, 1))
            yield Slot((root, f"layer1x1_{layer}", "bias"), (channels,))
        head = (array["head_size"], channels, array["head_kernel_size"])
        yield Slot((root, "head", "weight"), head)
        if array["head_bias"]:
            yield Slot((root, "head", "bias"), head[:1])
        inputs = channels


def read_config(config: Any) -> list[dict[str, Any]]:
    """The arrays' shapes, as `jaxamp.models.wavenet` takes them.

    Raises:
        FormatError: names everything that is wrong or not supported.
    """
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    fields.only("in_channels", 1, "only mono models are supported")
    fields.absent("condition_dsp", "a condition network is not supported")
    fields.absent("head", "a post-stack head is not supported")
    fields.take("head_scale")
    arrays, inputs = [], 1
    for item in fields.children("layers", MOST_ARRAYS):
        arrays.append(read_array(item, inputs))
        inputs = arrays[-1]["channels"]
    fields.refuse_unread()
    if not problems:
        check_fit(arrays, fields)
    refuse(problems, ADVICE)
    return arrays


def read_array(fields: Fields, inputs: int) -> dict[str, Any]:
    """One layer array, in either spelling."""
    reason = f"{inputs} expected, the channels below"
    fields.only("input_size", inputs, reason)
    fields.only("condition_size", 1, "only the guitar itself is supported")
    channels = fields.integer("channels")
    dilations = fields.integers("dilations")
    refuse_features(fields, channels)
    array = {
        "channels": channels,
        "dilations": dilations,
        "kernel_size": read_kernel_sizes(fields, len(dilations)),
        "activation": read_activations(fields, len(dilations)),
        **read_head(fields),
    }
    fields.refuse_unread()
    return array


def refuse_features(fields: Fields, channels: int) -> None:
    """Notes each feature of the format that the layers here do not have."""
    reason = f"only a bottleneck as wide as the channels, {channels}, is supported"
    fields.only("bottleneck", channels, reason)
    fields.only("gated", False, "gated layers are not supported")
    refuse_gating_mode(fields)
    fields.only("groups_input", 1, "grouped convolutions are not supported")
    fields.only("groups_input_mixin", 1, "grouped convolutions are not supported")
    fields.absent("slimmable", "slimmable widths are not supported")
    if fields.has("head1x1"):
        head1x1 = fields.child("head1x1")
        head1x1.only("active", False, "head1x1 is not supported")
    if fields.has("layer1x1"):
        layer1x1 = fields.child("layer1x1")
        layer1x1.only("active", True, "layers without layer1x1 are not supported")
        layer1x1.only("groups", 1, "grouped convolutions are not supported")
        layer1x1.refuse_unread()
    for slot in FILM_SLOTS:
        if fields.take(slot, False) is not False:
            fields.child(slot).only("active", False, "FiLM is not supported", True)


def refuse_gating_mode(fields: Fields) -> None:
    """`none`, once or for each layer; the secondary activation then has no effect."""
    modes = fields.take("gating_mode", "none")
    listed = modes if isinstance(modes, list) else [modes]
    for mode in listed:
        if mode != "none":
            fields.note("gating_mode", f"is {shown(mode)} (only none is supported)")
            break
    fields.take("secondary_activation")


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


def read_activations(fields: Fields, layers: int) -> list[Any]:
    """One activation for all layers or one for each."""
    value = fields.take("activation")
    if not isinstance(value, list):
        return [read_activation(fields, "activation", value)] * layers
    if len(value) != layers:
        fields.note("activation", f"lists {len(value)} for {layers} dilations")
        return ["Tanh"] * layers
    return [
        read_activation(fields, f"activation[{i}]", item)
        for i, item in enumerate(value)
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


def check_fit(arrays: Sequence[Mapping[str, Any]], fields: Fields) -> None:
    """Notes where arrays do not fit together or reach too far."""
    layers = sum(len(array["dilations"]) for array in arrays)
    if layers > MOST_LAYERS:
        fields.note("layers", f"has {layers} layers; {MOST_LAYERS} are supported")
    taps = sum(sum(a["kernel_size"]) + a["head_kernel_size"] for a in arrays)
    if taps > MOST_TAPS:
        fields.note("layers", f"has {taps} taps; {MOST_TAPS} are supported")
    past = 1 + sum(reach(array) for array in arrays)
    if past > LONGEST_PAST:
        fields.note(
            "layers",
            f"hears {past} samples of the past; {LONGEST_PAST} are supported",
        )
    following = [array["channels"] for array in arrays[1:]] + [1]
    for index, (array, wanted) in enumerate(zip(arrays, following, strict=True)):
        if array["head_size"] != wanted:
            fields.note(
                f"layers[{index}]",
                f"has a head of {array['head_size']} channels, {wanted} expected",
            )


def reach(array: Mapping[str, Any]) -> int:
    """Samples of the past that still matter to the array's head."""
    layers = zip(array["kernel_size"], array["dilations"], strict=True)
    return sum((k - 1) * d for k, d in layers) + array["head_kernel_size"] - 1


def is_classic(array: Mapping[str, Any]) -> bool:
    """Whether the 0.5 schema has words for the array: the A1 shapes."""
    activation = array["activation"][0]
    return (
        array["head_kernel_size"] == 1
        and isinstance(activation, str)
        and all(item == activation for item in array["activation"])
        and len(set(array["kernel_size"])) == 1
    )


def classic_array(array: Mapping[str, Any], inputs: int) -> dict[str, Any]:
    """In the words of 0.5."""
    return {
        "input_size": inputs,
        "condition_size": 1,
        "head_size": array["head_size"],
        "channels": array["channels"],
        "kernel_size": array["kernel_size"][0],
        "dilations": list(array["dilations"]),
        "activation": array["activation"][0],
        "gated": False,
        "head_bias": array["head_bias"],
        "head": nested_head(array),
    }


def modern_array(array: Mapping[str, Any], inputs: int) -> dict[str, Any]:
    """Everything spelled out, as the players' fast path for A2 wants it.

    The trainer's reader takes activations as objects only beside both gating lists.
    """
    layers = len(array["dilations"])
    inactive = {"active": False, "shift": True, "groups": 1}
    return {
        "input_size": inputs,
        "condition_size": 1,
        "head": nested_head(array),
        "channels": array["channels"],
        "kernel_sizes": list(array["kernel_size"]),
        "dilations": list(array["dilations"]),
        "activation": [spelled_out(item) for item in array["activation"]],
        "bottleneck": array["channels"],
        "head1x1": {"active": False, "out_channels": 1, "groups": 1},
        "layer1x1": {"active": True, "groups": 1},
        "groups_input": 1,
        "groups_input_mixin": 1,
        **{slot: dict(inactive) for slot in FILM_SLOTS},
        "gating_mode": ["none"] * layers,
        "secondary_activation": [None] * layers,
        "slimmable": None,
    }


def nested_head(array: Mapping[str, Any]) -> dict[str, Any]:
    """The head in the words of 0.7."""
    return {
        "out_channels": array["head_size"],
        "kernel_size": array["head_kernel_size"],
        "bias": array["head_bias"],
    }
