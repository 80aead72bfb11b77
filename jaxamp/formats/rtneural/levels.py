"""The levels around an AIDA-X network: y = (f(g x) + g x if it skips) h.

Folded into the weights, which is exact: g multiplies what the first layer hears of the
guitar, h what the last layer puts out, and their product is the share of the skip.
"""

from typing import Any, NamedTuple

from jaxamp.core import Params
from jaxamp.formats.fields import Fields
from jaxamp.formats.strict_json import shown
from jaxamp.models.sequential import Layer

SILENT_DB = -90.0
"""Gains this low are silence to the player."""

LARGEST_DB = 200.0


class Levels(NamedTuple):
    """What the player does around the network."""

    skips: bool
    in_gain: float = 1.0
    out_gain: float = 1.0

    @property
    def skip(self) -> float:
        """How much of the guitar reaches the output around the network."""
        return self.in_gain * self.out_gain if self.skips else 0.0


def read_levels(root: Fields) -> Levels:
    """The levels of a file; without any, the network is all there is."""
    skip = root.take("in_skip", 0)
    if type(skip) is not int or skip not in (0, 1):
        root.note("in_skip", f"is {shown(skip)}; 0 and 1 are supported")
    return Levels(skip == 1, read_gain(root, "in_gain"), read_gain(root, "out_gain"))


def read_gain(root: Fields, key: str) -> float:
    """A factor, from dB."""
    value = root.take(key, 0)
    if type(value) not in (int, float) or value > LARGEST_DB:
        root.note(key, f"must be a number of dB up to {LARGEST_DB:g}")
        return 1.0
    return 10 ** (value / 20) if value > SILENT_DB else 0.0


def fold(
    levels: Levels, layers: tuple[Layer, ...], params: dict[str, Any], root: Fields
) -> Params:
    """The parameters, in double precision, with the gains in them."""
    folded = {name: dict(part) for name, part in params.items()}
    if levels.in_gain != 1:
        first, layer = folded["layer_0"], layers[0]
        name = "input_weight" if layer.gates else "weight"
        if name in first:
            rows = layer.gates * layer.size or layer.size // layer.groups
            first[name] = first[name].copy()
            first[name][:rows, 0] *= levels.in_gain
        else:
            root.note("in_gain", "is set before an activation, which is not supported")
    if levels.out_gain != 1:
        last = folded[f"layer_{len(layers) - 1}"]
        if layers[-1].type in ("dense", "conv1d") and not layers[-1].activation:
            last.update({key: part * levels.out_gain for key, part in last.items()})
        else:
            root.note("out_gain", "is set behind a layer that is not linear")
    return folded
