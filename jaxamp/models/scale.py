"""Makes a trained model louder or quieter without touching how it sounds.

Used to undo the target's normalisation before a model leaves the house.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core import ConfigError, Model, Params
from jaxamp.models.recurrent import recurrent
from jaxamp.models.wavenet import wavenet

LINEAR_OUTPUT = {"ConvNet": "head", "Linear": "fir", "LSTM": "head", "GRU": "head"}
"""architecture -> the layer whose weights and bias scale the output"""


def scale_output(model: Model, params: Params, gain: float) -> tuple[Model, Params]:
    """The same amp with its output multiplied by `gain`.

    Raises:
        ConfigError: The output is no weighted sum, so it cannot be scaled.
    """
    if gain == 1.0:
        return model, params
    if model.hyperparameters.get("head") and model.architecture == "WaveNet":
        last = f"head_{len(model.hyperparameters['head']['kernel_sizes']) - 1}"
        return model, scaled_layer(params, last, gain)
    if model.architecture == "WaveNet":
        scaled = model.hyperparameters["head_scale"] * gain
        return wavenet(**{**model.hyperparameters, "head_scale": scaled}), params
    options = model.hyperparameters
    name = LINEAR_OUTPUT.get(model.architecture) or last_layer(options["layers"])
    if name is None or not options.get("head", True):
        raise ConfigError(
            f"This {model.architecture} has no linear head, so its output level cannot "
            "be changed afterwards. Train it without data.normalize_dbfs."
        )
    if options.get("skip"):
        model = recurrent(**{**options, "skip": options["skip"] * gain})
    return model, scaled_layer(params, name, gain)


def scaled_layer(params: Params, name: str, gain: float) -> Params:
    """The parameters with one layer's output multiplied."""
    return {**params, name: {key: w * gain for key, w in params[name].items()}}


def last_layer(layers: Sequence[Mapping[str, Any]]) -> str | None:
    """The name of a Sequential's last layer, if it is a weighted sum."""
    linear = layers[-1]["type"] in ("dense", "conv1d") and not layers[-1]["activation"]
    return f"layer_{len(layers) - 1}" if linear else None
