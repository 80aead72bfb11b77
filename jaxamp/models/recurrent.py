"""Stacks of LSTM or GRU layers, with or without a head.

With a head, the output is a weighted sum of the last layer's hidden voices, plus the
guitar itself where `skip` is on. Without one, the last layer has a single cell whose
hidden value is the output, as in the stack of 2018. Knobs are further inputs of the
first layer, behind the guitar, or turn the gates of all layers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxamp.core import Conditioning, ConfigError, Model
from jaxamp.models.record import (
    Functions,
    knob_names,
    knobs_reach,
    record,
    refuse_unlike_sizes,
    remember,
)


class Cell(NamedTuple):
    """A kind of recurrent layer."""

    state: tuple[str, ...]
    """The parts of its state."""
    gates: int
    """Rows of its weights for each hidden voice."""


CELLS = {"LSTM": Cell(("h", "c"), 4), "GRU": Cell(("h",), 3)}

INITIAL_WEIGHTS = ("uniform", "glorot")
"""How the weights begin: as in PyTorch or as in Keras."""

SECONDS_TO_SETTLE = 0.5
"""Silence played to a recurrent model before the first sample, as players do."""


@remember
def recurrent(
    *,
    cell: str = "LSTM",
    hidden: Sequence[int] = (16,),
    skip: bool | float = False,
    head: bool = True,
    learned_state: bool = False,
    longest_memory: float = 100.0,
    initial_weights: str = "uniform",
    controls: Sequence[str] = (),
    conditioning: Any = None,
    sample_rate: int = 48_000,
) -> Model:
    """A stack of recurrent layers.

    Args:
        cell: LSTM or GRU.
        hidden: Cells in each layer, bottom to top.
        skip: Add the guitar to the output; a number adds so much of it, in single
            precision, as it is played.
        head: Mix the top layer to one output; without it the top layer is one cell.
        learned_state: Learn the state before the first sample; otherwise it is zero
            and the burn-in of each window settles it.
        longest_memory: Samples that the cells remember at first, from 1 to this.
            With 100, LSTM 1x16 learns a high-gain amp with cabinet to ESR 0.42 in
            310 steps of the A1 recipe (mean of three seeds); with PyTorch's own
            start, smaller input weights included, one seed stayed at 0.97.
        initial_weights: `uniform` or `glorot`. A stack that ends in one cell needs
            glorot: 64-64-1 then learns the demo to ESR 0.08 in 100 steps, and
            nothing in 300 with uniform, at four times the learning rate.
        controls: The names of its knobs.
        conditioning: How they reach the layers, `{kind: film}` or so; see
            `jaxamp.core.conditioning`. By default, and as `concat`, they are further
            inputs, which is what players of JSON files know.
    """
    hidden, skip, controls = (
        tuple(hidden),
        float(np.float32(skip)),
        knob_names(controls),
    )
    turned = knobs_reach(conditioning, controls)
    if turned is not None and turned.kind == "concat":
        turned = None  # further inputs, and no word about it, as it always was
    if cell not in CELLS:
        raise ConfigError(f"Cell {cell!r} is not known. Known are: {', '.join(CELLS)}.")
    if not hidden or min(hidden) < 1:
        raise ConfigError(f"hidden must list at least one size of 1 or more: {hidden}.")
    refuse_unlike_sizes(hidden=hidden)
    if not head and hidden[-1] != 1:
        raise ConfigError(
            f"Without a head the last layer is the output, so it must have one cell, "
            f"not {hidden[-1]}. Turn the head on or end `hidden` with 1."
        )
    if initial_weights not in INITIAL_WEIGHTS:
        raise ConfigError(
            f"initial_weights={initial_weights!r} is not known. Known are: "
            f"{', '.join(INITIAL_WEIGHTS)}."
        )
    if not np.isfinite(skip):
        raise ConfigError(f"skip={skip} must be true, false or a finite number.")
    if longest_memory < 1:
        raise ConfigError(f"longest_memory={longest_memory} must be 1 sample or more.")

    def network() -> Functions:
        from jaxamp.models.networks.recurrent import functions  # noqa: PLC0415 (Flax)

        return functions(
            knobs=len(controls),
            cell=cell,
            hidden=hidden,
            skip=skip,
            head=head,
            learned_state=learned_state,
            longest_memory=longest_memory,
            initial_weights=initial_weights,
            conditioning=turned,
        )

    inputs = 1 if turned else 1 + len(controls)
    macs = count_macs(CELLS[cell].gates, inputs, hidden, head)
    return record(
        network,
        architecture=cell,
        hyperparameters={
            "cell": cell,
            "hidden": list(hidden),
            "skip": skip,
            "head": head,
            "learned_state": learned_state,
            "longest_memory": longest_memory,
            "initial_weights": initial_weights,
            "controls": list(controls),
            **({"conditioning": turned.words} if turned else {}),
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        controls=controls,
        receptive_field=1,
        warmup=round(SECONDS_TO_SETTLE * sample_rate),
        macs_per_sample=macs
        + (turning_macs(turned, cell, hidden, head) if turned else 0),
    )


def count_macs(gates: int, heard: int, hidden: tuple[int, ...], head: bool) -> int:
    """Every weight multiplies once a sample: of a layer's input and of its past."""
    inputs = (heard, *hidden)
    layers = sum(gates * h * (i + h) for i, h in zip(inputs, hidden, strict=False))
    return layers + (hidden[-1] if head else 0)


def turning_macs(
    turned: Conditioning, cell: str, hidden: tuple[int, ...], head: bool
) -> int:
    """What knobs at rest that turn the gates and the output add, a sample.

    What the input and what the state add to the gates are turned apart: a GRU's new
    gate hears them apart.
    """
    macs = int(head)
    for inputs, size in zip((1, *hidden), hidden, strict=False):
        rows = CELLS[cell].gates * size
        macs += sum(turned.layer_macs(rows, heard) for heard in (inputs, size))
    return macs


def is_recurrent(model: Model) -> bool:
    """Whether the model's memory has no end, so that its past is never certain."""
    return model.warmup >= model.receptive_field
