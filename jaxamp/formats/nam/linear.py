"""Linear in .nam files: an impulse response, the current sample's coefficient first.

The trainer of 2026 (0.13.0) writes the oldest sample's first; players do not, and
players are followed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxamp.core import Model, Params
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.layout import Slot, pack, unpack
from jaxamp.formats.nam.document import CLASSIC, Document
from jaxamp.models import build


def decode(config: Any, weights: np.ndarray, sample_rate: int) -> tuple[Model, Params]:
    """The model that a config and its weights stand for."""
    taps, bias = read_config(config)
    params = unpack(list(layout(taps, bias)), weights.astype(np.float32))
    options = {"receptive_field": taps, "bias": bias, "sample_rate": sample_rate}
    return build("Linear", options), reversed_in_time(params)


def encode(model: Model, params: Params, metadata: Mapping[str, Any]) -> Document:
    """The impulse response, and the offset if there is one."""
    options = model.hyperparameters
    slots = list(layout(options["receptive_field"], options["bias"]))
    return Document(
        version=CLASSIC,
        architecture="Linear",
        config={
            "receptive_field": options["receptive_field"],
            "bias": options["bias"],
        },
        weights=pack(slots, reversed_in_time(params)).astype(np.float64),
        sample_rate=model.sample_rate,
        metadata=metadata,
    )


def layout(taps: int, bias: bool) -> Iterator[Slot]:
    """In file order, once the kernel is reversed."""
    yield Slot(("fir", "weight"), (1, 1, taps))
    if bias:
        yield Slot(("fir", "bias"), (1,))


def read_config(config: Any) -> tuple[int, bool]:
    """How many samples are heard, and whether there is an offset."""
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    fields.only("in_channels", 1, "only mono models are supported")
    fields.only("out_channels", 1, "only mono models are supported")
    taps, bias = fields.integer("receptive_field"), fields.boolean("bias")
    fields.take("implementation")  # how a player convolves; the sound is the same
    fields.refuse_unread()
    refuse(problems, "jaxamp plays Linear models of one input and one output.")
    return taps, bias


def reversed_in_time(params: Params) -> Params:
    """Kernels are oldest first here and newest first in the file."""
    fir = params["fir"]
    return {**params, "fir": {**fir, "weight": np.asarray(fir["weight"])[:, :, ::-1]}}
