"""Several sizes of one amp in one file, for players to choose from."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxamp.core import ConfigError, Model
from jaxamp.core.shown import is_plain_name


@dataclasses.dataclass(frozen=True)
class Size:
    """One size: chosen by players whose setting is below `max_value`."""

    name: str
    max_value: float
    model: Model


@dataclasses.dataclass(frozen=True)
class Container:
    """Sizes in ascending order; the last is the default."""

    sizes: tuple[Size, ...]


def container(*, sizes: Mapping[str, Mapping[str, Any]]) -> Container:
    """A container from `{name: {"max_value": 0.5, "model": Model}, …}`."""
    paths = [name for name in sizes if not is_plain_name(name)]
    if paths:
        raise ConfigError(
            f"A size of a container is called {paths[0]!r}. Its model gets a folder of "
            "that name, so give it one of letters and digits, for example lite."
        )
    ordered = tuple(
        Size(name, float(size["max_value"]), size["model"])
        for name, size in sizes.items()
    )
    values = [size.max_value for size in ordered]
    if not values or values != sorted(set(values)) or values[-1] < 1:
        raise ConfigError(
            f"The sizes of a container need ascending max_value, the last at least 1; "
            f"given: {values}."
        )
    return Container(ordered)
