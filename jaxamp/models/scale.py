"""Makes a trained model louder or quieter without touching how it sounds.

Used to undo the target's normalisation before a model leaves the house.
"""

from jaxamp.core import ConfigError, Model, Params
from jaxamp.models.wavenet import wavenet

HEADS = {"ConvNet": "head", "Linear": "fir", "LSTM": "head", "GRU": "head"}
"""architecture -> the layer whose weights and bias scale the output"""


def output_layer(model: Model) -> str | None:
    """The layer whose weighted sum, times a WaveNet's head scale, is the output.

    Returns:
        Its name among the parameters, with dots; None where nothing scales the output.
    """
    options = model.hyperparameters
    if model.architecture == "WaveNet":
        return f"array_{len(options['arrays']) - 1}.head"
    if options.get("skip") or not options.get("head", True):
        return None
    return HEADS[model.architecture]


def scale_output(model: Model, params: Params, gain: float) -> tuple[Model, Params]:
    """The same amp with its output multiplied by `gain`.

    Raises:
        ConfigError: The output is no weighted sum, so it cannot be scaled.
    """
    if gain == 1.0:
        return model, params
    if model.architecture == "WaveNet":
        scaled = model.hyperparameters["head_scale"] * gain
        return wavenet(**{**model.hyperparameters, "head_scale": scaled}), params
    name = output_layer(model)
    if name is None:
        options = model.hyperparameters
        raise ConfigError(
            f"This {model.architecture} has "
            f"{'an input skip' if options.get('skip') else 'no linear head'}, so its "
            "output level cannot be changed afterwards. Train it without "
            "data.normalize_dbfs."
        )
    return model, {**params, name: {key: w * gain for key, w in params[name].items()}}
