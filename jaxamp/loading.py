"""Opens anything that is a model: a run directory or a player's file."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, FormatError, Model, Params, cloud
from jaxamp.formats import read
from jaxamp.formats.nam.container import pick
from jaxamp.models import build, scale_output


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A model ready to play, and what is known about it."""

    model: Model
    params: Params
    metadata: Mapping[str, Any]


def load(path: str | Path, *, size: float | None = None) -> tuple[Model, Params]:
    """The model and its parameters from a run directory, a `.nam`, ….

    Args:
        size: As for `load_described`.

    Raises:
        FormatError: Not a model that can be read.
        RunError: A run directory without a whole checkpoint.
    """
    import jax  # noqa: PLC0415 (not needed to describe a file, and slow to import)

    loaded = load_described(path, size=size)
    return loaded.model, jax.tree.map(jax.numpy.asarray, loaded.params)


def load_described(path: str | Path, *, size: float | None = None) -> Loaded:
    """The same, with the metadata; a file's parameters are still NumPy's.

    Args:
        size: Of a model in several sizes, the share of the full size that may be
            spent, 0 to 1; the largest by default.
    """
    refuse_unlike_share(size)
    path = cloud.fetched(path)
    if not path.exists():
        raise FormatError(
            f"There is no model at {str(path)!r}. Give a run directory, as "
            "`jaxamp train` prints it, or a model file such as amp.nam."
        )
    if path.is_dir():
        return load_run(path, size)
    return Loaded(*read(path, size=size))


def refuse_unlike_share(size: Any) -> None:
    """Raises ConfigError for what is no share of a full size."""
    number = isinstance(size, int | float) and not isinstance(size, bool)
    if size is not None and not (number and 0 <= size <= 1):
        raise ConfigError(f"size={size!r} must be a number from 0 to 1, or null.")


def load_run(folder: Path, size: float | None = None) -> Loaded:
    """The best parameters of a run, as loud as the amp was recorded."""
    sizes = folder / "sizes.json"
    if sizes.is_file():
        limits = json.loads(sizes.read_text())
        name = list(limits)[pick(list(limits.values()), size)]
        return dataclasses.replace(load_run(folder / name), metadata=metadata(folder))
    if not (folder / "checkpoints").is_dir():
        raise FormatError(
            f"{str(folder)!r} is no run directory: it has no checkpoints. Give the "
            "folder that `jaxamp train` printed, or a model file such as amp.nam."
        )
    from jaxamp.train import kept_from, load_best  # noqa: PLC0415 (Orbax is slow)

    record, vectors = load_best(folder / "checkpoints")
    model = build(record["architecture"], record["hyperparameters"])
    params = kept_from(vectors, model, record["averaged"])
    model, params = scale_output(model, params, 1 / record["target_gain"])
    return Loaded(model, params, metadata(folder))


def metadata(folder: Path) -> dict[str, Any]:
    """What the run's exported file says of itself."""
    file = folder / "metadata.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def digest(path: Path, params: Params) -> str:
    """SHA-256 of a model file; of a run, of the parameters taken from it."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    import jax  # noqa: PLC0415 (not needed to describe a file, and slow to import)

    found = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()
