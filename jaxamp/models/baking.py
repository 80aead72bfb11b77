"""A model with its knobs left at one setting, as an ordinary model without knobs.

What knobs at rest do is linear in a layer's sums, so it can be folded into the weights:
shifts go into biases, scales into rows, and the change of a weight is added to it.
Players that know no knobs play the result.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxamp.core import KNOB_MIDDLE, ConfigError, FormatError, Model, Params
from jaxamp.models.recurrent import recurrent
from jaxamp.models.scale import last_layer
from jaxamp.models.wavenet import condition_model, wavenet

BAKED = ("WaveNet", "LSTM", "GRU")
"""Architectures whose knobs can be baked."""


def unturned(model: Model) -> Model:
    """The model without knobs that a setting of its knobs can be baked into.

    Raises:
        FormatError: There is none.
    """
    if not model.controls:
        return model
    if model.architecture not in BAKED:
        raise FormatError(
            f"The knobs of a {model.architecture} cannot be baked in. Those of "
            f"{', '.join(BAKED)} can."
        )
    options = {
        key: value
        for key, value in model.hyperparameters.items()
        if key not in ("controls", "conditioning")
    }
    if model.architecture != "WaveNet":
        return recurrent(**options)
    if options.get("condition"):
        inner = unturned(condition_of(model))
        options["condition"] = {
            "architecture": inner.architecture,
            "hyperparameters": dict(inner.hyperparameters),
        }
    return wavenet(**options)


def bake(model: Model, params: Params, settings: Any = None) -> tuple[Model, Params]:
    """The same amp with its knobs at one setting, and without knobs.

    It plays as the model does with the knobs there, to rounding.

    Args:
        settings: Where each knob stands, 0 to 1, `[k]`; the middle by default.

    Raises:
        ConfigError: Not as many settings as knobs, or one that is not from 0 to 1.
        FormatError: An architecture whose knobs cannot be baked.
    """
    plain = unturned(model)
    knobs = len(model.controls)
    at = np.full(knobs, KNOB_MIDDLE) if settings is None else np.asarray(settings)
    at = at.astype(np.float32)
    if at.shape != (knobs,) or not np.all((at >= 0) & (at <= 1)):
        raise ConfigError(
            f"Settings {np.asarray(settings).tolist()} were given to bake into a model "
            f"with {knobs} knobs. Give a number from 0 to 1 for each: "
            f"{', '.join(model.controls) or 'none'}."
        )
    if plain is model:
        return model, params
    if model.architecture == "WaveNet" and model.hyperparameters.get("condition"):
        inner = bake(condition_of(model), params["condition"], at)[1]
        return plain, {**params, "condition": inner}
    if "knobs" not in params and model.architecture != "WaveNet":
        return plain, without_knob_inputs(params, at)
    # The network itself says what the knobs do; it is Flax, and slow to import.
    from jaxamp.models.networks.knobs import turns  # noqa: PLC0415

    found = turns(model, params, at)
    kept = {name: part for name, part in params.items() if not is_of_knobs(name)}
    fold = wavenet_folded if model.architecture == "WaveNet" else cells_folded
    folded = {
        name: fold(part, found.layers[name]) if name in found.layers else part
        for name, part in kept.items()
    }
    if found.output is not None:
        output = last_layer(plain)
        assert output is not None
        scale_output(folded, output.split("."), found.output)
    return plain, folded


def condition_of(model: Model) -> Model:
    """The network that conditions a WaveNet."""
    options = model.hyperparameters
    found, _ = condition_model(options["condition"], model.sample_rate)
    assert found is not None
    return found


def is_of_knobs(name: str) -> bool:
    """Whether a parameter, or a layer of them, is there for the knobs alone."""
    return name.startswith("knobs")


def without_knob_inputs(params: Params, at: np.ndarray) -> Params:
    """Cells whose knobs are further inputs, with these folded into the bias."""
    first = dict(params["layer_0"])
    weight = np.asarray(first["input_weight"])
    bias = "bias" if "bias" in first else "input_bias"
    first["input_weight"] = weight[:, :1]
    first[bias] = np.asarray(first[bias]) + weight[:, 1:] @ at
    return {**params, "layer_0": first}


def cells_folded(layer: Mapping[str, Any], turn: Any) -> dict[str, Any]:
    """A recurrent layer with its turn in its weights."""
    plain = {
        name: np.asarray(part) for name, part in layer.items() if not is_of_knobs(name)
    }
    if turn.scale is not None:
        for name, part in plain.items():
            plain[name] = part * turn.scale.reshape(-1, *[1] * (part.ndim - 1))
    if turn.strengths is not None:
        change = np.asarray(layer["knobs_up"]) * turn.strengths
        for name in ("input", "recurrent"):
            down = np.asarray(layer[f"knobs_{name}_down"])
            plain[f"{name}_weight"] = plain[f"{name}_weight"] + change @ down
    bias = "bias" if "bias" in plain else "input_bias"
    plain[bias] = plain[bias] + turn.shift
    return plain


def wavenet_folded(
    array: Mapping[str, Any], turns: Mapping[int, Any]
) -> dict[str, Any]:
    """A layer array with the turns of its layers in their weights."""
    plain = {name: part for name, part in array.items() if not is_of_knobs(name)}
    for layer, turn in turns.items():
        conv, mixin = f"conv_{layer}", f"mixin_{layer}"
        weight, bias = (np.asarray(array[conv][key]) for key in ("weight", "bias"))
        mixed = np.asarray(array[mixin]["weight"])
        if turn.strengths is not None:
            up = np.asarray(array[f"knobs_up_{layer}"]["weight"])[:, :, 0]
            change = up * turn.strengths
            down = np.asarray(array[f"knobs_down_{layer}"]["weight"])
            weight = weight + np.einsum("or,rik->oik", change, down)
            along = np.asarray(array[f"knobs_mixin_{layer}"]["weight"])
            mixed = mixed + np.einsum("or,rik->oik", change, along)
        if turn.scale is not None:
            weight = weight * turn.scale[:, None, None]
            mixed = mixed * turn.scale[:, None, None]
            bias = bias * turn.scale
        plain[conv] = {"weight": weight, "bias": bias + turn.shift}
        plain[mixin] = {"weight": mixed}
    return plain


def scale_output(params: dict[str, Any], path: list[str], scale: float) -> None:
    """The layer that the path leads to, with all that comes out of it scaled."""
    name, *below = path
    params[name] = dict(params[name])
    if below:
        scale_output(params[name], below, scale)
    else:
        params[name] = {key: np.asarray(w) * scale for key, w in params[name].items()}
