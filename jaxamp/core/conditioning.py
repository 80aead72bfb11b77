"""How knobs reach a network: the words, and what they cost.

Three kinds. `concat` adds the knobs, weighted, to what each layer hears. `film` lets a
small network of the knobs scale and shift each layer. `hyper` lets it change each
layer's weights: by the product of a tall and a wide matrix, the knobs deciding how much
of each of its `rank` directions.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core.errors import ConfigError

CONDITIONING: Mapping[str, Mapping[str, int]] = {
    "concat": {},
    "film": {"hidden": 16},
    "hyper": {"hidden": 16, "rank": 4},
}
"""kind -> its options, as they are by default"""

LARGEST = 1024
"""Of an option; amps have fewer channels than that."""


@dataclasses.dataclass(frozen=True)
class Conditioning:
    """How knobs reach a network."""

    kind: str
    """A name out of `CONDITIONING`."""
    hidden: int = 0
    """Width of the small network that the knobs go through; unused by concat."""
    rank: int = 0
    """Directions in which a layer's weights may change; of hyper only."""

    @property
    def words(self) -> dict[str, Any]:
        """The JSON-able mapping that `check_conditioning` reads back."""
        options = {key: getattr(self, key) for key in CONDITIONING[self.kind]}
        return {"kind": self.kind, **options}

    @property
    def of_output(self) -> bool:
        """Whether the knobs say how loud the output is."""
        return self.kind != "concat"

    def layer_macs(self, rows: int, heard: int) -> int:
        """Multiply-accumulates a sample that knobs at rest add to a layer.

        What the small network says is computed once then, and shifts cost additions
        alone. Where knobs move, it is computed for each sample: see `moving_macs`.

        Args:
            rows: What the layer makes, before its activation.
            heard: Weights of each row.
        """
        if self.kind == "film":
            return rows
        return self.rank * (heard + 1 + rows)

    def moving_macs(self, knobs: int, layers: Sequence[int]) -> int:
        """What knobs that move cost on top, a sample.

        Args:
            layers: The rows of each layer that they reach.
        """
        if self.kind == "concat":
            return knobs * sum(layers)
        small = self.hidden * (knobs + self.hidden + self.of_output)
        made = sum(
            rows + (rows if self.kind == "film" else self.rank) for rows in layers
        )
        return small + self.hidden * made


def check_conditioning(given: Any) -> Conditioning:
    """The conditioning in a name, or in `{"kind": name, option: value}`.

    Raises:
        ConfigError: Unknown kind or option, with the known ones, or a value that is
            no size.
    """
    options: Any = {"kind": given} if isinstance(given, str) else given
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"conditioning={given!r} must be a kind with its options, for example "
            "{kind: film, hidden: 16}."
        )
    options = dict(options)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in CONDITIONING:
        raise ConfigError(
            f"conditioning.kind={kind!r} is not known. Known are: "
            f"{', '.join(CONDITIONING)}."
        )
    known = CONDITIONING[kind]
    unknown = [key for key in options if key not in known]
    if unknown:
        raise ConfigError(
            f"conditioning.{unknown[0]} is no option of {kind}. It takes: "
            f"{', '.join(known) or 'no options'}."
        )
    for key, value in options.items():
        if type(value) is not int or not 1 <= value <= LARGEST:
            raise ConfigError(
                f"conditioning.{key}={value!r} must be a whole number from 1 to "
                f"{LARGEST}."
            )
    return Conditioning(kind, **{**known, **options})
