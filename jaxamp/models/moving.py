"""What knobs that move cost: how they act is then computed for each sample anew."""

from jaxamp.core import Model, check_conditioning
from jaxamp.models.recurrent import CELLS
from jaxamp.models.wavenet import checked_shape


def moving_macs(model: Model) -> int:
    """Multiply-accumulates a sample on top of `macs_per_sample` while knobs move.

    None where the knobs are further inputs, which are counted always.
    """
    options = model.hyperparameters
    if "conditioning" not in options:
        return 0
    if model.architecture == "WaveNet":
        rows = [
            array.rows(layer)
            for array in checked_shape(**options).arrays
            for layer in range(len(array.dilations))
        ]
    else:
        rows = [CELLS[options["cell"]].gates * size for size in options["hidden"]]
    conditioning = check_conditioning(options["conditioning"])
    return conditioning.moving_macs(len(model.controls), rows)
