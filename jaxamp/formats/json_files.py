"""Files that end in .json: which of the formats one is, its keys tell."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import ConfigError, FormatError, Model, Params
from jaxamp.formats import proteus, rtneural
from jaxamp.formats.files import read_bounded
from jaxamp.formats.strict_json import parse

KINDS: Mapping[tuple[str, ...], Callable[[Mapping[str, Any]], Any]] = {
    ("model_data", "state_dict"): proteus.decode,
    ("in_shape", "layers"): rtneural.decode,
}
"""keys that a file of the kind has -> what reads its parsed content"""


def read_json(
    path: str | os.PathLike[str], size: float | None = None
) -> tuple[Model, Params, dict[str, Any]]:
    """The model in a Proteus, NeuralPi, CoreAudioML, RTNeural or AIDA-X file.

    The parameters are NumPy's, so that a file can be described without JAX.

    Args:
        size: Means nothing here: these files hold one size.

    Raises:
        FormatError: names everything that is damaged or not supported.
    """
    del size
    path = Path(path)
    data = read_bounded(path)
    try:
        value = parse(data)
        return kind_of(value)(value)
    except (FormatError, ConfigError) as problem:
        raise FormatError(f"{path.name} cannot be read: {problem}") from None


def kind_of(value: Any) -> Callable[[Mapping[str, Any]], Any]:
    """What reads such a file.

    Raises:
        FormatError: It is of no kind.
    """
    keys = set(value) if isinstance(value, Mapping) else set()
    for wanted, decode in KINDS.items():
        if keys.issuperset(wanted):
            return decode
    if {"architecture", "weights"} <= keys:
        raise FormatError("it is a .nam model. Rename it, so that it ends in .nam.")
    kinds = " or ".join(" and ".join(wanted) for wanted in KINDS)
    raise FormatError(
        f"it is no model of a known player: such a file has {kinds}. Check that it was "
        "made by a trainer for Proteus, NeuralPi, AIDA-X or RTNeural."
    )
