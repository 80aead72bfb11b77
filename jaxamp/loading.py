"""Opens anything that is a model: a run directory or a player's file."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import FormatError, Model, Params
from jaxamp.formats import read
from jaxamp.models import build, scale_output


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A model ready to play, and what is known about it."""

    model: Model
    params: Params
    metadata: Mapping[str, Any]


def load(path: str | Path) -> tuple[Model, Params]:
    """The model and its parameters from a run directory, a `.nam`, ….

    Raises:
        FormatError: Not a model that can be read.
        RunError: A run directory without a whole checkpoint.
    """
    import jax  # noqa: PLC0415 (not needed to describe a file, and slow to import)

    loaded = load_described(path)
    return loaded.model, jax.tree.map(jax.numpy.asarray, loaded.params)


def load_described(path: str | Path) -> Loaded:
    """The same, with the metadata; a file's parameters are still NumPy's."""
    path = Path(path)
    if not path.exists():
        raise FormatError(
            f"There is no model at {str(path)!r}. Give a run directory, as "
            "`jaxamp train` prints it, or a model file such as amp.nam."
        )
    if path.is_dir():
        return load_run(path)
    return Loaded(*read(path))


def load_run(folder: Path) -> Loaded:
    """The best parameters of a run, as loud as the amp was recorded."""
    sizes = folder / "sizes.json"
    if sizes.is_file():
        largest = load_run(folder / list(json.loads(sizes.read_text()))[-1])
        return dataclasses.replace(largest, metadata=metadata(folder))
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
