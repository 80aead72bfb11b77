"""What knobs at one setting do to each layer of a network, as its own layers say it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, Conditioning, Model, Params, check_conditioning
from jaxamp.layers import Knobs, LayerTurn, OutputScale


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
    heads: dict[str, Any] = {}
    for name, part in params.items():
        if name.startswith("array_"):
            numbers = sorted(int(key[6:]) for key in part if key[6:].isdigit())
            heads[name] = {number: part[f"knobs_{number}"] for number in numbers}
        elif name.startswith("layer_"):
            heads[name] = part["knobs"]
    output = params.get("knobs_output")
    layers, scale = at_rest(
        conditioning, params.get("knobs", {}), heads, output, jnp.asarray(settings)
    )
    found = jax.tree.map(lambda part: np.asarray(part)[0, :, 0], layers)
    return Turns(found, None if scale is None else float(np.asarray(scale).item()))


@partial(jax.jit, static_argnums=0)
def at_rest(
    conditioning: Conditioning, small: Params, heads: Any, output: Any, settings: Array
) -> tuple[Any, Any]:
    """The turn of each of the heads, and how loud the output becomes; one program."""
    told = Knobs(conditioning).apply({"params": small}, settings[None, :, None])

    def turned(head: Params) -> Any:
        made = head["weight"].shape[0]
        rows = {
            "concat": made,
            "film": made // 2,
            "hyper": made - conditioning.rank,
        }[conditioning.kind]
        return LayerTurn(conditioning, rows).apply({"params": head}, told)

    layers = jax.tree.map(turned, heads, is_leaf=lambda part: "weight" in part)
    if output is None:
        return layers, None
    return layers, OutputScale().apply({"params": output}, told)
