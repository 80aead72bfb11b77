"""What knobs at one setting do to each layer of a network, as its own layers say it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Conditioning, Model, Params, check_conditioning
from jaxamp.layers import Knobs, LayerTurn, OutputScale, Turn


class Turns(NamedTuple):
    """What one setting does; the parts of a `Turn` are `[rows]` or `[rank]`."""

    layers: Mapping[str, Any]
    """Name of a recurrent layer -> its turn; of a layer array -> number of a layer ->
    its turn."""
    output: float | None
    """How loud the output becomes; None where the knobs have no say in it."""


def turns(model: Model, params: Params, settings: np.ndarray) -> Turns:
    """What the knobs at `settings` `[k]` do, for WaveNet, film and hyper."""
    conditioning = check_conditioning(model.hyperparameters["conditioning"])
    at = jnp.asarray(settings)[None, :, None]
    told = Knobs(conditioning).apply({"params": params.get("knobs", {})}, at)
    layers: dict[str, Any] = {}
    for name, part in params.items():
        if name.startswith("array_"):
            numbers = [int(key[6:]) for key in part if key[6:].isdigit()]
            layers[name] = {
                number: turn(conditioning, part[f"knobs_{number}"], told)
                for number in sorted(numbers)
            }
        elif name.startswith("layer_"):
            layers[name] = turn(conditioning, part["knobs"], told)
    scale = None
    if "knobs_output" in params:
        scale = OutputScale().apply({"params": params["knobs_output"]}, told)
    return Turns(layers, None if scale is None else float(np.asarray(scale).item()))


def turn(conditioning: Conditioning, params: Params, told: Any) -> Turn:
    """One layer's turn, as NumPy's."""
    made = params["weight"].shape[0]
    rows = {
        "concat": made,
        "film": made // 2,
        "hyper": made - conditioning.rank,
    }[conditioning.kind]
    layer = LayerTurn(conditioning, rows)
    found = layer.apply({"params": params}, told)
    return jax.tree.map(lambda part: np.asarray(part)[0, :, 0], found)
