"""Knobs by their names: what a model can be told, and where each knob stands."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxamp.core.errors import ConfigError
from jaxamp.core.model import Model

KNOB_MIDDLE = 0.5
"""Where a knob stands that nobody has turned; knobs go from 0 to 1."""

Moves = Callable[[int, int], np.ndarray]
"""Knobs that move: (start, stop) -> where they stand in samples start to stop - 1,
`[k, stop - start]` or `[b, k, stop - start]`, however the samples are asked for."""


def knob_settings(model: Model, given: Mapping[str, float]) -> np.ndarray | None:
    """Where each knob of the model stands `[k]`; None for a model without knobs.

    Raises:
        ConfigError: A knob the model does not have, or a value it cannot take.
    """
    unknown = [name for name in given if name not in model.controls]
    if unknown:
        known = ", ".join(model.controls)
        raise ConfigError(
            f"The model has no knob {', '.join(map(repr, unknown))}: "
            + (f"its knobs are {known}." if known else "it has no knobs at all.")
        )
    for name, value in given.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= 1):
            raise ConfigError(
                f"Knob {name!r} was set to {value!r}; knobs go from 0 to 1."
            )
    if not model.controls:
        return None
    settings = [given.get(name, KNOB_MIDDLE) for name in model.controls]
    return np.asarray(settings, np.float32)


def knob_places(model: Model, names: Sequence[str]) -> list[int]:
    """Where the knobs that a model hears are among the names, in the model's order.

    So `capture.controls[places]` is what the model is to be given.

    Raises:
        ConfigError: The model has a knob that is not among the names.
    """
    unknown = [name for name in model.controls if name not in names]
    if unknown:
        known = ", ".join(names)
        raise ConfigError(
            f"The model has the knob {', '.join(map(repr, unknown))}, and the "
            "recordings do not say where it stood: "
            + (f"their knobs are {known}." if known else "they name no knobs.")
        )
    return [list(names).index(name) for name in model.controls]
