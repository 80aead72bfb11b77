"""One file that holds an amp in several sizes; A2 files hold two.

A size v picks the first model whose `max_value` is above v, else the last. The last,
largest one is the default, and the file's loudness and gain are those of that one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import FormatError
from jaxamp.formats.fields import Fields, refuse
from jaxamp.formats.nam.document import MODERN, Document, from_object, to_object
from jaxamp.formats.strict_json import shown

ARCHITECTURE = "SlimmableContainer"

MOST_SUBMODELS = 64

DEEPEST = 4
"""Containers inside one another."""


def choose(document: Document, size: float | None, depth: int = 0) -> Document:
    """The one model of a file: itself, or the part of a container that fits `size`."""
    if document.architecture != ARCHITECTURE:
        return document
    if depth == DEEPEST:
        raise FormatError(
            f"it holds containers more than {DEEPEST} deep, which no amp needs. "
            "Check where it comes from."
        )
    if len(document.weights):
        raise FormatError(
            "it is a container with weights of its own, which have no meaning. "
            "The file is damaged; export it again."
        )
    submodels = read_submodels(document.config)
    index = pick([limit for limit, _ in submodels], size)
    return part(document, submodels, index, size, depth)


def parts(document: Document) -> list[tuple[float, Document]]:
    """(max_value, model) of each size of a container, at its full size in turn."""
    submodels = read_submodels(document.config)
    return [
        (limit, part(document, submodels, index, None, 0))
        for index, (limit, _) in enumerate(submodels)
    ]


def part(
    document: Document,
    submodels: Sequence[tuple[float, Any]],
    index: int,
    size: float | None,
    depth: int,
) -> Document:
    """One model of a container, with what the container says."""
    where = f"config.submodels[{index}].model"
    refuse_rates([document.sample_rate, *(rate(value) for _, value in submodels)])
    inner = choose(from_object(submodels[index][1], where), size, depth + 1)
    return with_labels(inner, document)


def pick(limits: Sequence[float], size: float | None) -> int:
    """Which of the submodels a size stands for."""
    if size is None:
        return len(limits) - 1
    fitting = (index for index, limit in enumerate(limits) if size < limit)
    return next(fitting, len(limits) - 1)


def with_labels(part: Document, container: Document) -> Document:
    """The part, with what the container says about the amp as a whole.

    Where both speak of one thing, the part knows better: its loudness is its own.
    """
    own = {key: value for key, value in part.metadata.items() if value is not None}
    return Document(
        version=part.version,
        architecture=part.architecture,
        config=part.config,
        weights=part.weights,
        sample_rate=part.sample_rate or container.sample_rate,
        metadata={**container.metadata, **own},
    )


def join(
    parts: Sequence[tuple[float, Document]], metadata: Mapping[str, Any]
) -> Document:
    """A container of documents, smallest first.

    Raises:
        FormatError: The sizes do not ascend to 1, or the sample rates differ.
    """
    problems: list[str] = []
    check_limits([limit for limit, _ in parts], problems)
    refuse(problems, "Give each part the share of full size up to which it is chosen.")
    refuse_rates([part.sample_rate for _, part in parts])
    return Document(
        version=MODERN,
        architecture=ARCHITECTURE,
        config={
            "submodels": [
                {"max_value": float(limit), "model": to_object(part)}
                for limit, part in parts
            ]
        },
        weights=np.zeros(0),
        sample_rate=parts[0][1].sample_rate,
        metadata=metadata,
    )


def read_submodels(config: Any) -> list[tuple[float, Any]]:
    """(max_value, JSON value) of each submodel."""
    problems: list[str] = []
    fields = Fields(config, "config", problems)
    submodels = []
    for item in fields.children("submodels", MOST_SUBMODELS):
        limit = item.take("max_value")
        if type(limit) not in (int, float):
            item.note("max_value", f"must be a number, not {shown(limit)}")
            limit = 0.0
        submodels.append((float(limit), item.take("model")))
        item.refuse_unread()
    fields.refuse_unread()
    if not problems:
        check_limits([limit for limit, _ in submodels], problems)
    refuse(problems, "The file is damaged; export it again.")
    return submodels


def check_limits(limits: Sequence[float], problems: list[str]) -> None:
    """Notes where sizes do not ascend, or end below the full size."""
    if not limits:
        problems.append("a container needs at least one model")
    elif list(limits) != sorted(set(limits)) or limits[-1] < 1:
        problems.append(
            f"max_value must ascend and end with 1 or more, not {shown(list(limits))}"
        )


def rate(value: Any) -> Any:
    """The sample rate that a submodel states, if it does."""
    return value.get("sample_rate") if isinstance(value, Mapping) else None


def refuse_rates(rates: Sequence[Any]) -> None:
    """Raises FormatError where a container mixes sample rates."""
    stated = [value for value in rates if value is not None]
    different = [value for value in stated if value != stated[0]]
    if different:
        raise FormatError(
            f"a container holds one sample rate, not {shown(stated[0])} and "
            f"{shown(different[0])}. Export all sizes at the same rate."
        )
