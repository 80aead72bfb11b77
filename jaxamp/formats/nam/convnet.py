"""ConvNet in .nam files; batch normalisation is folded into the convolutions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.layout import Slot, pack, unpack
from jaxamp.formats.nam.activations import read_activation
from jaxamp.formats.nam.document import CLASSIC, MODERN, Document
from jaxamp.formats.nam.limits import LONGEST_PAST, MOST_LAYERS
from jaxamp.models import build

KERNEL_SIZE = 2
"""Players know no other."""


def decode(config: Any, weights: np.ndarray, sample_rate: int) -> tuple[Model, Params]:
    """The model that a config and its weights stand for."""
    options, batchnorm = read_config(config)
    slots = list(layout(options["channels"], len(options["dilations"]), batchnorm))
    tree = unpack(slots, weights)
    if batchnorm:
        tree = {
            name: fold(name, part) if name.startswith("conv") else part
            for name, part in tree.items()
        }
    return build("ConvNet", {**options, "sample_rate": sample_rate}), single(tree)


def encode(model: Model, params: Params, metadata: Mapping[str, Any]) -> Document:
    """Without batch normalisation: the trained model has none."""
    options = model.hyperparameters
    slots = list(layout(options["channels"], len(options["dilations"]), False))
    plain = isinstance(options["activation"], str)
    return Document(
        version=CLASSIC if plain else MODERN,
        architecture="ConvNet",
        config={
            "channels": options["channels"],
            "dilations": list(options["dilations"]),
            "batchnorm": False,
            "activation": options["activation"],
        },
        weights=pack(slots, params).astype(np.float64),
        sample_rate=model.sample_rate,
        metadata=metadata,
    )


def layout(channels: int, blocks: int, batchnorm: bool) -> Iterator[Slot]:
    """In file order: block by block, then the head."""
    inputs = 1
    for index in range(blocks):
        root = f"conv_{index}"
        yield Slot((root, "weight"), (channels, inputs, KERNEL_SIZE))
        if batchnorm:
            for name in ("mean", "variance", "scale", "offset"):
                yield Slot((root, name), (channels,))
            yield Slot((root, "epsilon"), (1,))
        else:
            yield Slot((root, "bias"), (channels,))
        inputs = channels
    yield Slot(("head", "weight"), (1, inputs, 1))
    yield Slot(("head", "bias"), (1,))


def read_config(config: Any) -> tuple[dict[str, Any], bool]:
    """The options of `jaxamp.models.convnet`, and whether there is batch norm."""
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    fields.only("in_channels", 1, "only mono models are supported")
    fields.only("out_channels", 1, "only mono models are supported")
    fields.only("groups", 1, "grouped convolutions are not supported")
    options = {
        "channels": fields.integer("channels"),
        "dilations": fields.integers("dilations"),
        "activation": read_activation(fields, "activation", fields.take("activation")),
    }
    batchnorm = fields.boolean("batchnorm")
    fields.refuse_unread()
    if len(options["dilations"]) > MOST_LAYERS:
        blocks = len(options["dilations"])
        fields.note("dilations", f"lists {blocks}; {MOST_LAYERS} are supported")
    if sum(options["dilations"]) >= LONGEST_PAST:
        fields.note("dilations", f"reach beyond {LONGEST_PAST} samples")
    refuse(problems, "jaxamp plays ConvNets of one input and one output.")
    return options, batchnorm


def fold(name: str, block: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A convolution that does what convolution and normalisation did together."""
    spread = block["variance"] + block["epsilon"]
    if not np.all(spread > 0):
        raise FormatError(
            f"the batch normalisation of {name} has a variance that is not positive. "
            "The file is damaged; export it again."
        )
    factor = block["scale"] / np.sqrt(spread)
    return {
        "weight": block["weight"] * factor[:, None, None],
        "bias": block["offset"] - block["mean"] * factor,
    }


def single(tree: Mapping[str, Any]) -> Params:
    """Folded in double precision, played in single."""
    params = {
        name: {key: value.astype(np.float32) for key, value in part.items()}
        for name, part in tree.items()
    }
    leaves = (leaf for part in params.values() for leaf in part.values())
    if not all(np.all(np.isfinite(leaf)) for leaf in leaves):
        raise FormatError(
            "its batch normalisation leads beyond single precision. "
            "The file is damaged; export it again."
        )
    return params
