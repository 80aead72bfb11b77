"""Makes a trained model louder or quieter without touching how it sounds.

Used to undo the target's normalisation before a model leaves the house.
"""

from jaxamp.core import ConfigError, Model, Params
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
    name = LINEAR_OUTPUT[model.architecture]
    options = model.hyperparameters
    if options.get("skip") or not options.get("head", True):
        raise ConfigError(
            f"This {model.architecture} has "
            f"{'an input skip' if options.get('skip') else 'no linear head'}, so its "
            "output level cannot be changed afterwards. Train it without "
            "data.normalize_dbfs."
        )
    return model, scaled_layer(params, name, gain)


def scaled_layer(params: Params, name: str, gain: float) -> Params:
    """The parameters with one layer's output multiplied."""
    return {**params, name: {key: w * gain for key, w in params[name].items()}}
