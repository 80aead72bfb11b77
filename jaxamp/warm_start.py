"""A training that begins at another model's parameters, as far as they fit.

A parameter fits where the other model has one of the same name and shape. Names say
which layer of which stack it belongs to, so a model of the same layout is taken whole;
of one with more layers, or with parts the other lacks, what both have. The rest is
drawn as without a beginning. Names and shapes do not say what the parameters do:
dilations or an activation that differ are told.

Of a model without knobs, one with knobs takes everything: what its knobs need is new,
and begins without effect.
"""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxamp.core import ConfigError, Model, cloud
from jaxamp.core.shown import shown
from jaxamp.loading import Loaded, digest, load_described
from jaxamp.models import output_layer, unturned
from jaxamp.train import named

SAME_ANYWAY = (
    "sample_rate", "head_scale", "learned_state", "longest_memory", "initial_weights",
)  # fmt: skip
"""Hyperparameters that change nothing of what parameters do: refused, made up for,
seen in the names, or of the first draw only."""

TOLD = 4
"""The most parameters or hyperparameters that a sentence lists."""


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What a training takes from another model."""

    taken: Mapping[str, np.ndarray] | None
    """name -> parameter; None where the model is not what it was when it was taken,
    which a run that has learned since need not mind."""
    record: Mapping[str, Any]
    """What is remembered of it, JSON-able."""

    @property
    def whole(self) -> bool:
        """Whether every parameter is taken, and does what it did."""
        record = self.record
        return (
            record["parameters_taken"] == record["parameters"]
            and not (record["differs"])
        )


def beginning(
    path: str | Path, model: Model, *, target_gain: float = 1.0, size: float | None
) -> Beginning:
    """What a model can take from a run directory or a model file.

    Args:
        target_gain: What the model's targets are multiplied by. It and the scale of a
            WaveNet's head, which is fixed and may differ from the other's, are made
            up for in the output layer, so that a model taken whole plays at once as
            loud as its targets ask for.
        size: As for `load_described`.

    Raises:
        ConfigError: Another architecture or sample rate.
        FormatError, RunError: A model that cannot be read.
    """
    path = cloud.fetched(path)
    loaded = load_described(path, size=size)
    refuse_other_kind(path, loaded.model, model)
    there = named(loaded.params)
    here = named(jax.eval_shape(model.init, jax.random.key(0)))
    there |= with_room_for_knobs(loaded.model, model, there)
    fits = [key for key in here if key in there and there[key].shape == here[key].shape]
    made_up = gains(loaded.model, model, target_gain)
    taken = {
        key: np.asarray(there[key], np.float32)
        * np.float32(made_up.get(key.rpartition(".")[0], 1.0))
        for key in fits
    }
    return Beginning(taken, recorded(path, loaded, model, fits, there, here))


KNOB_INPUTS = "layer_0.input_weight"
"""Where cells hear knobs that are further inputs, behind the guitar."""


def with_room_for_knobs(
    there: Model, here: Model, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The weight of what the cells hear, with zeros for knobs they have not heard."""
    if not hears_new_knobs(there, here):
        return {}
    weight = np.asarray(params[KNOB_INPUTS])
    return {KNOB_INPUTS: np.pad(weight, ((0, 0), (0, len(here.controls))))}


def hears_new_knobs(there: Model, here: Model) -> bool:
    """Whether cells hear knobs as inputs that the other model's do not have."""
    cells = here.architecture in ("LSTM", "GRU")
    turned = "conditioning" in here.hyperparameters
    return cells and not turned and bool(here.controls) and not there.controls


def of_knobs(there: Model, here: Model, names: Iterable[str]) -> list[str]:
    """The parameters that are here for knobs the other model does not have."""
    if there.controls or not here.controls:
        return []
    return [
        name
        for name in names
        if any(part.startswith("knobs") for part in name.split("."))
    ]


def refuse_other_kind(path: Path, there: Model, here: Model) -> None:
    """Raises if the parameters of one could mean nothing to the other."""
    name = shown(path.name)
    if there.architecture != here.architecture:
        raise ConfigError(
            f"train.init={name} is a {there.architecture}, the model to train a "
            f"{here.architecture}: nothing of one fits the other. Let it teach "
            f"instead: data=teacher data.model={shown(str(path))}."
        )
    if there.sample_rate != here.sample_rate:
        raise ConfigError(
            f"train.init={name} was learned at {there.sample_rate} Hz, the recordings "
            f"have {here.sample_rate} Hz. At another rate its parameters would make "
            f"another sound; begin from a model of {here.sample_rate} Hz."
        )


def gains(there: Model, here: Model, target_gain: float) -> dict[str, float]:
    """layer -> how much louder it must be here.

    A WaveNet's head scale lies behind its last array, and so may a head after all
    arrays. Where the outputs are not made alike, their levels say nothing.
    """
    output = output_layer(here)
    louder = {} if output is None else {output: target_gain}
    if here.architecture == "WaveNet" and output_layer(there) == output:
        scales = [one.hyperparameters["head_scale"] for one in (there, here)]
        scaled = f"array_{len(here.hyperparameters['arrays']) - 1}.head"
        louder[scaled] = louder.get(scaled, 1.0) * scales[0] / scales[1]
    return louder


def recorded(
    path: Path,
    loaded: Loaded,
    model: Model,
    fits: Sequence[str],
    there: Mapping[str, Any],
    here: Mapping[str, Any],
) -> dict[str, Any]:
    """What is remembered of a beginning."""
    new = of_knobs(loaded.model, model, here)
    own = {key: leaf for key, leaf in here.items() if key not in new}
    left = {
        key: {"here": list(leaf.shape), "there": shape_of(there.get(key))}
        for key, leaf in own.items()
        if key not in fits
    }
    inputs = knob_inputs(loaded.model, model, here)
    alike = unturned(model) if new or inputs else model
    pairs = (loaded.model.hyperparameters, alike.hyperparameters)
    return {
        "file": shown(path.resolve().name),
        "sha256": digest(path, loaded.params),
        "parameters": sum(leaf.size for leaf in own.values()) - inputs,
        "parameters_taken": sum(own[key].size for key in fits) - inputs,
        "parameters_of_knobs": sum(here[key].size for key in new) + inputs,
        "left": left,
        "unused": [key for key in there if key not in here],
        "differs": dict(differing(*pairs)),
    }


def knob_inputs(there: Model, here: Model, shapes: Mapping[str, Any]) -> int:
    """How many weights of cells are for knobs that become further inputs."""
    if not hears_new_knobs(there, here):
        return 0
    return shapes[KNOB_INPUTS].shape[0] * len(here.controls)


def shape_of(leaf: Any) -> list[int] | None:
    """The shape of a parameter, or None where there is none."""
    return None if leaf is None else list(leaf.shape)


def differing(there: Any, here: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """(key, {there, here}) of each hyperparameter that may change what others do."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in {**there, **here}:
            if key not in SAME_ANYWAY:
                place = f"{where}.{key}" if where else str(key)
                yield from differing(there.get(key), here.get(key), place)
    elif structured(there) and structured(here) and len(there) == len(here):
        for index, pair in enumerate(zip(there, here, strict=True)):
            yield from differing(*pair, f"{where}[{index}]")
    elif there != here:
        yield where, {"there": there, "here": here}


def structured(value: Any) -> bool:
    """Whether a value is a list of parts that have keys of their own."""
    return isinstance(value, list) and any(isinstance(one, Mapping) for one in value)


def refuse_nothing(beginnings: Sequence[Beginning]) -> None:
    """Raises if nothing at all is taken."""
    if any(one.record["parameters_taken"] for one in beginnings):
        return
    record = beginnings[-1].record
    raise ConfigError(
        f"Nothing of train.init={record['file']} fits the model to train, which has "
        f"{listed(lacking(record))}. Choose the model of the same shape, or let the "
        "other teach it: data=teacher."
    )


def sentence(record: Mapping[str, Any], size: str = "") -> str:
    """What is said of a beginning."""
    of = f" of {size}" * bool(size)
    said = (
        f"Begins with {record['parameters_taken']:,} of {record['parameters']:,} "
        f"parameters{of} from {record['file']}."
    )
    if record.get("parameters_of_knobs"):
        said += (
            f" Its knobs begin without effect; they have "
            f"{record['parameters_of_knobs']:,} parameters more."
        )
    if record["left"]:
        said += f" Drawn as ever: {listed(lacking(record))}."
    if record["unused"]:
        said += f" Not taken: {listed(record['unused'])}."
    if record["differs"]:
        differs = [
            f"{key} is {brief(value['here'])} here, {brief(value['there'])} there"
            for key, value in record["differs"].items()
        ]
        said += (
            " The models differ, so what is taken may do something else: "
            f"{listed(differs)}."
        )
    return said


def lacking(record: Mapping[str, Any]) -> list[str]:
    """Each parameter that is not taken, with its shape here and there."""
    return [
        f"{key} {shape['here']} (there {shape['there'] or 'none'})"
        for key, shape in record["left"].items()
    ]


def listed(words: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(words) - TOLD} more" * (len(words) > TOLD)
    return f"{', '.join(words[:TOLD])}{more}"


def brief(value: Any) -> str:
    """A value of a file, short enough for a sentence."""
    return textwrap.shorten(json.dumps(value), 40, placeholder=" …")
