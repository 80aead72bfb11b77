"""Whole .nam files, in and out."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxamp.core import ConfigError, FormatError, Model, Params
from jaxamp.formats.files import read_bounded, replace_file
from jaxamp.formats.grey_box import refuse_grey_box
from jaxamp.formats.nam import container, convnet, linear, lstm, slim, wavenet
from jaxamp.formats.nam.document import USUAL_RATE, Document, from_bytes, to_bytes
from jaxamp.formats.nam.metadata import complete
from jaxamp.formats.strict_json import shown

CODECS: Mapping[str, tuple[Callable[..., Any], Callable[..., Document]]] = {
    "WaveNet": (wavenet.decode, wavenet.encode),
    "LSTM": (lstm.decode, lstm.encode),
    "ConvNet": (convnet.decode, convnet.encode),
    "Linear": (linear.decode, linear.encode),
}
"""architecture -> (config, weights, sample rate -> model; model -> document)"""


def read_nam(
    path: str | os.PathLike[str], size: float | None = None
) -> tuple[Model, Params, dict[str, Any]]:
    """The model in a file, its parameters, and what the file says about the amp.

    The parameters are NumPy's, so that a file can be described without JAX.

    Args:
        size: Of a file that holds several sizes, or a model that can be made
            narrower, the share of the full size that may be spent, 0 to 1; by default
            all of it. Elsewhere it means nothing.

    Raises:
        FormatError: names everything that is damaged or not supported.
    """
    data = read_bounded(Path(path))
    with named(path):
        whole = from_bytes(data)
        document = container.choose(whole, size)
        model, params = decode(document)
        if document is whole:  # a size has one meaning: a part, or a width
            model, params = slim.slimmed(model, params, size)
    return model, params, dict(document.metadata)


def shares(path: str | os.PathLike[str]) -> list[float]:
    """Below which shares of the full size each size of a file is read, in order.

    A file of one size has one; the last is the full size, whatever its number.

    Raises:
        FormatError: as for `read_nam`.
    """
    data = read_bounded(Path(path))
    with named(path):
        document = from_bytes(data)
        if document.architecture == container.ARCHITECTURE:
            parts = container.read_submodels(document.config)
            return [limit for limit, _ in parts]
        return slim.shares(decode(document)[0])


def is_container(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds models of several sizes, and not one that can be cut."""
    data = read_bounded(Path(path))
    with named(path):
        document = from_bytes(data)
    return document.architecture == container.ARCHITECTURE


def read_parts(
    path: str | os.PathLike[str],
) -> tuple[list[tuple[float, Model, Params]], dict[str, Any]]:
    """Every size of a container, as `write_container` takes them, and its metadata.

    Raises:
        FormatError: as for `read_nam`.
    """
    data = read_bounded(Path(path))
    with named(path):
        whole = from_bytes(data)
        documents = container.parts(whole)
        parts = [(limit, *decode(document)) for limit, document in documents]
    return parts, dict(whole.metadata)


@contextlib.contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Has every refusal say which file it is about."""
    try:
        yield
    except (FormatError, ConfigError) as problem:
        raise FormatError(f"{Path(path).name} cannot be read: {problem}") from None


def write_nam(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model in the oldest version of the format that can hold it.

    Args:
        metadata: See `metadata.complete`; loudness and gain are measured if missing.

    Raises:
        FormatError: Players have no words for the model; says which.
        ConfigError: Metadata that players do not know.
    """
    replace_file(Path(path), to_bytes(encode(model, params, metadata)))


def write_container(
    path: str | os.PathLike[str],
    parts: Sequence[tuple[float, Model, Params]],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes one amp in several sizes.

    Args:
        parts: (max_value, model, parameters), smallest first; a player given less
            than `max_value` of full size takes the first such part. A2: 0.5 and 1.
        metadata: Of the whole. Loudness and gain are measured for each part; the
            whole has those of the largest unless given.

    Raises:
        FormatError: A part that players have no words for, or sizes not ascending.
        ConfigError: Metadata that players do not know.
    """
    given = dict(metadata or {})
    date = {"date": given["date"]} if "date" in given else {}
    documents = [(limit, encode(model, params, date)) for limit, model, params in parts]
    if parts:
        _, largest, params = parts[-1]
        measured = documents[-1][1].metadata
        labels = {key: measured.get(key) for key in ("loudness", "gain")}
        given = complete(largest, params, {**labels, **given})
    replace_file(Path(path), to_bytes(container.join(documents, given)))


def decode(document: Document) -> tuple[Model, Params]:
    """The model that a document stands for."""
    if document.architecture not in CODECS:
        raise FormatError(
            f"its architecture {shown(document.architecture)} is not supported; "
            f"these are: {', '.join((*CODECS, container.ARCHITECTURE))}."
        )
    read, _ = CODECS[document.architecture]
    rate = document.sample_rate or USUAL_RATE
    return read(document.config, document.weights, rate)


def encode(
    model: Model, params: Params, metadata: Mapping[str, Any] | None
) -> Document:
    """The document that stands for a model."""
    refuse_unplayable(model)
    _, write = CODECS[model.architecture]
    document = write(model, params, {})  # refuses before anything is measured
    return dataclasses.replace(document, metadata=complete(model, params, metadata))


def refuse_unplayable(model: Model) -> None:
    """Raises FormatError where players of the format have no words for the model."""
    refuse_grey_box(model)
    if model.architecture not in CODECS:
        raise FormatError(
            f"A .nam file cannot hold a {model.architecture}: no player of the format "
            f"knows it. It can hold: {', '.join(CODECS)}. Train one of these, or "
            "write a format whose players know this one."
        )
    if model.architecture == "LSTM":
        lstm.refuse_unlike(model)
    if model.architecture == "WaveNet":
        wavenet.refuse_unlike(model)
