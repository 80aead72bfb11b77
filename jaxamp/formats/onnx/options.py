"""Refuses what would otherwise be left out of a graph without a word."""

from collections.abc import Collection, Mapping
from typing import Any

from jaxamp.core import FormatError


def refuse_unknown(options: Mapping[str, Any], known: Collection[str], of: str) -> None:
    """Raises FormatError for a hyperparameter that the graph would not play."""
    if "conditioning" in options:
        raise FormatError(
            f"The ONNX export knows knobs that are further inputs, and those of this "
            f"{of} turn its layers. Export one setting with --knob, or train an LSTM "
            "or GRU with conditioning=concat."
        )
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise FormatError(
            f"The ONNX export does not know {', '.join(unknown)} of this {of}, and "
            "without it the sound would be another. Write another format."
        )
