"""WaveNet in .nam files: the order of the weights, and the network that conditions.

`wavenet_read` and `wavenet_write` know the words of the config, `slim` the narrower
models inside one file.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.layout import Slot, pack, refuse_count, unpack
from jaxamp.formats.nam import convnet, linear, lstm
from jaxamp.formats.nam.document import Document, from_object, to_object
from jaxamp.formats.nam.limits import DEEPEST_CONDITION
from jaxamp.formats.nam.wavenet_read import ADVICE, read_config
from jaxamp.formats.nam.wavenet_write import oldest_version, write_config
from jaxamp.formats.strict_json import shown
from jaxamp.models import build
from jaxamp.models.layer_array import LayerArray
from jaxamp.models.wavenet import Shape, checked_shape, words

OTHERS: Mapping[str, tuple[Callable[..., Any], Callable[..., Document]]] = {
    "LSTM": (lstm.decode, lstm.encode),
    "ConvNet": (convnet.decode, convnet.encode),
    "Linear": (linear.decode, linear.encode),
}
"""What may condition a WaveNet beside another one: (reader, writer)."""


def decode(config: Any, weights: np.ndarray, sample_rate: int) -> tuple[Model, Params]:
    """The model that a config and its weights stand for.

    The last weight is the head scale; players pass over the one in the config.
    """
    options, params, _ = read(config, weights, sample_rate)
    return build("WaveNet", options), params


def encode(model: Model, params: Params, metadata: Mapping[str, Any]) -> Document:
    """The oldest schema that can hold the model."""
    refuse_unlike(model)
    return write(model.hyperparameters, params, metadata)


def read(
    config: Any, weights: np.ndarray, sample_rate: int, depth: int = 0
) -> tuple[dict[str, Any], dict[str, Any], Shape]:
    """The hyperparameters, the parameters and the shape; any number of outputs.

    Raises:
        FormatError: names everything that is wrong or not supported.
    """
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    condition = read_condition(fields, sample_rate, depth)
    options = read_config(fields, condition.size)
    refuse(problems, ADVICE)
    options |= {"sample_rate": sample_rate, "condition": condition.words}
    shape = checked_shape(**options)
    if depth == 0 and shape.outputs != 1:
        raise FormatError(
            f"it ends in a head of {shape.outputs} channels, 1 expected: only mono "
            "models are supported."
        )
    slots = list(layout(shape))
    refuse_count(sum(slot.size for slot in slots) + 1, len(weights))
    params = unpack(slots, weights[:-1].astype(np.float32))
    if condition.words:
        params["condition"] = condition.params
    shape = dataclasses.replace(shape, head_scale=float(weights[-1]))
    return words(shape) | {"sample_rate": sample_rate}, params, shape


class Condition(NamedTuple):
    """What the layers hear beside the layer below: by default the guitar itself."""

    words: dict[str, Any] | None = None
    """Architecture and hyperparameters of the network that makes it."""
    params: Params = None
    size: int = 1
    """Channels."""


def read_condition(fields: Fields, sample_rate: int, depth: int) -> Condition:
    """The network that makes the condition, if there is one."""
    value = fields.take("condition_dsp")
    if value is None:
        return Condition()
    if depth == DEEPEST_CONDITION:
        raise FormatError(
            f"more than {DEEPEST_CONDITION} networks condition one another, which no "
            "amp needs. Check where it comes from."
        )
    document = from_object(value, "config.condition_dsp")
    if document.sample_rate not in (None, sample_rate):
        fields.note(
            "condition_dsp",
            f"has a sample rate of {document.sample_rate} Hz, the model itself has "
            f"{sample_rate} Hz",
        )
    if document.architecture == "WaveNet":
        options, params, shape = read(
            document.config, document.weights, sample_rate, depth + 1
        )
        size = shape.outputs
    elif document.architecture in OTHERS:
        reader, _ = OTHERS[document.architecture]
        model, params = reader(document.config, document.weights, sample_rate)
        options, size = dict(model.hyperparameters), 1
    else:
        known = ", ".join(("WaveNet", *OTHERS))
        fields.note(
            "condition_dsp", f"is {shown(document.architecture)}; {known} can be one"
        )
        return Condition()
    described = {"architecture": document.architecture, "hyperparameters": options}
    return Condition(described, params, size)


def write(
    options: Mapping[str, Any], params: Params, metadata: Mapping[str, Any]
) -> Document:
    """The document of a WaveNet with any number of outputs."""
    shape = checked_shape(**options)
    own = {key: part for key, part in params.items() if key != "condition"}
    numbers = pack(list(layout(shape)), own).astype(np.float64)
    config = write_config(shape)
    if shape.condition:
        condition = write_condition(shape.condition, params["condition"])
        config["condition_dsp"] = to_object(condition)
    return Document(
        version=oldest_version(shape),
        architecture="WaveNet",
        config=config,
        weights=np.append(numbers, shape.head_scale),
        sample_rate=options["sample_rate"],
        metadata=metadata,
    )


def refuse_unlike(model: Model) -> None:
    """Raises FormatError where players have no words for a WaveNet."""
    shape = checked_shape(**model.hyperparameters)
    if shape.controls:
        knobs = ", ".join(shape.controls)
        raise FormatError(
            f"A .nam file has no knobs, and this WaveNet has {knobs}. Export one "
            f"setting, for example with --knob {shape.controls[0]}=0.7."
        )
    write_config(shape)
    condition = shape.condition
    if condition is None:
        return
    if condition.architecture not in ("WaveNet", *OTHERS):
        raise FormatError(
            f"A .nam file cannot hold a {condition.architecture}, which conditions "
            f"this WaveNet. It can hold: WaveNet, {', '.join(OTHERS)}."
        )
    if condition.architecture == "WaveNet":
        refuse_unlike(condition)
    if condition.architecture == "LSTM":
        lstm.refuse_unlike(condition)


def write_condition(condition: Model, params: Params) -> Document:
    """The nested document of the network that conditions."""
    if condition.architecture == "WaveNet":
        return write(condition.hyperparameters, params, {})
    return OTHERS[condition.architecture][1](condition, params, {})


def layout(shape: Shape) -> Iterator[Slot]:
    """Every array's parameters, in file order; the head scale follows."""
    inputs = 1
    for index, array in enumerate(shape.arrays):
        root = f"array_{index}"
        yield Slot((root, "rechannel", "weight"), (array.channels, inputs, 1))
        for layer in range(len(array.dilations)):
            yield from layer_layout(array, layer, root, shape.condition_size)
        head = (array.head_size, array.skip_size, array.head_kernel_size)
        yield Slot((root, "head", "weight"), head)
        if array.head_bias:
            yield Slot((root, "head", "bias"), head[:1])
        inputs = array.channels
    if shape.head:
        heard = (shape.arrays[-1].head_size, *shape.head.widths)
        for index, taps in enumerate(shape.head.kernel_sizes):
            weight = (heard[index + 1], heard[index], taps)
            yield from weight_and_bias((f"head_{index}",), weight)


def layer_layout(
    array: LayerArray, layer: int, root: str, condition_size: int
) -> Iterator[Slot]:
    """One layer's parameters, in file order."""
    rows, taps = array.rows(layer), array.kernel_sizes[layer]
    conv = (rows, array.channels // array.groups, taps)
    yield from weight_and_bias((root, f"conv_{layer}"), conv)
    mixin = (rows, condition_size // array.mixin_groups, 1)
    yield Slot((root, f"mixin_{layer}", "weight"), mixin)
    if array.layer1x1:
        wide = (array.channels, array.bottleneck // array.layer1x1.groups, 1)
        yield from weight_and_bias((root, f"layer1x1_{layer}"), wide)
    if array.head1x1:
        wide = (array.skip_size, array.bottleneck // array.head1x1.groups, 1)
        yield from weight_and_bias((root, f"head1x1_{layer}"), wide)
    sizes = array.modulated(layer, condition_size)
    for slot, film in array.film:
        made = (2 if film.shift else 1) * sizes[slot]
        wide = (made, condition_size // film.groups, 1)
        yield from weight_and_bias((root, f"{slot}_{layer}"), wide)


def weight_and_bias(path: tuple[str, ...], shape: tuple[int, ...]) -> Iterator[Slot]:
    """A convolution's weight `[o, i, k]` and bias `[o]`."""
    yield Slot((*path, "weight"), shape)
    yield Slot((*path, "bias"), shape[:1])
