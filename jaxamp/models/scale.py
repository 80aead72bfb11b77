"""Makes a trained model louder or quieter without touching how it sounds.

Used to undo the target's normalisation before a model leaves the house.
"""

from jaxamp.core import ConfigError, Model, Params
from jaxamp.models.recurrent import recurrent
from jaxamp.models.wavenet import wavenet

HEADS = {
    "ConvNet": "head",
    "Linear": "fir",
    "LSTM": "head",
    "GRU": "head",
    "GreyBox": "power_amp",
}
"""architecture -> the layer whose weights and bias scale what comes out of it"""


def output_layer(model: Model) -> str | None:
    """The layer whose weighted sum, times a WaveNet's head scale, is the output.

    Returns:
        Its name among the parameters, with dots; None where nothing scales the output.
    """
    return None if model.hyperparameters.get("skip") else last_layer(model)


def last_layer(model: Model) -> str | None:
    """The last layer, if it is a weighted sum; the guitar may be added to it."""
    options = model.hyperparameters
    if model.architecture == "WaveNet":
        if options.get("head"):
            return f"head_{len(options['head']['kernel_sizes']) - 1}"
        return f"array_{len(options['arrays']) - 1}.head"
    if model.architecture == "Sequential":
        layer = options["layers"][-1]
        linear = layer["type"] in ("dense", "conv1d") and not layer["activation"]
        return f"layer_{len(options['layers']) - 1}" if linear else None
    return HEADS[model.architecture] if options.get("head", True) else None


def scale_output(model: Model, params: Params, gain: float) -> tuple[Model, Params]:
    """The same amp with its output multiplied by `gain`.

    Raises:
        ConfigError: The output is no weighted sum, so it cannot be scaled.
    """
    options = model.hyperparameters
    if gain == 1.0:
        return model, params
    if model.architecture == "WaveNet" and not options.get("head"):
        scaled = options["head_scale"] * gain
        return wavenet(**{**options, "head_scale": scaled}), params
    name = last_layer(model)
    if name is None:
        raise ConfigError(
            f"This {model.architecture} has no linear head, so its output level cannot "
            "be changed afterwards. Train it without data.normalize_dbfs."
        )
    if options.get("skip"):
        model = recurrent(**{**options, "skip": options["skip"] * gain})
    return model, {**params, name: {key: w * gain for key, w in params[name].items()}}
