"""LSTM and GRU as every JSON format holds them: checked, and without a beginning."""

import warnings
from collections.abc import Iterator

from jaxamp.core import Model, Params
from jaxamp.formats.layout import Slot, pack, unpack
from jaxamp.models.recurrent import CELLS


def checked(model: Model, params: Params) -> Params:
    """The parameters of a recurrent model as finite float32 of the right shapes.

    A learned beginning is checked and left out, with a warning: the players start
    from zero.

    Raises:
        FormatError: They are not this model's, or not finite.
    """
    slots = list(layout(model))
    tree = unpack(slots, pack(slots, params))
    if model.hyperparameters["learned_state"]:
        warnings.warn(
            "The learned beginning of this model is left out: the format's players "
            "start from zero, so the first half second may sound different.",
            stacklevel=2,
        )
    return {name: part for name, part in tree.items() if isinstance(part, dict)}


def layout(model: Model) -> Iterator[Slot]:
    """Every parameter of a recurrent model."""
    options = model.hyperparameters
    cell, inputs = CELLS[options["cell"]], 1 + len(model.controls)
    biases = ("bias",) if cell.gates == 4 else ("input_bias", "recurrent_bias")
    for index, size in enumerate(options["hidden"]):
        rows, root = cell.gates * size, f"layer_{index}"
        yield Slot((root, "input_weight"), (rows, inputs))
        yield Slot((root, "recurrent_weight"), (rows, size))
        for bias in biases:
            yield Slot((root, bias), (rows,))
        if options["learned_state"]:
            for part in cell.state:
                yield Slot((f"initial_{part}_{index}",), (size,))
        inputs = size
    if options["head"]:
        yield Slot(("head", "weight"), (1, inputs, 1))
        yield Slot(("head", "bias"), (1,))
