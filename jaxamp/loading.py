"""Opens anything that is a model: a run directory or a player's file."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, FormatError, Model, Params, RunError, cloud
from jaxamp.core.shown import is_plain_name, shown
from jaxamp.core.small_files import NOT_OURS, kept_json
from jaxamp.formats import read
from jaxamp.formats.nam.container import pick
from jaxamp.models import build, scale_output

MOST_MACS = 100_000_000
"""Multiply-adds a sample of a run's model: six times the largest .nam file's, and more
than any computer plays in real time."""

MOST_REMEMBERED = 200_000_000
"""Samples of receptive field times channels: ten times the largest .nam file's."""


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
    part = part_folder(folder, size)
    if part != folder:
        return dataclasses.replace(load_part(part), metadata=metadata(folder))
    return load_part(folder)


def part_folder(folder: Path, size: float | None = None) -> Path:
    """Where a run keeps the size that is asked for; the run itself where it is one."""
    limits = size_limits(folder)
    if not limits:
        return folder
    return folder / list(limits)[pick(list(limits.values()), size)]


def load_part(folder: Path) -> Loaded:
    """The same of a folder that holds one model."""
    if not (folder / "checkpoints").is_dir():
        raise FormatError(
            f"{str(folder)!r} is no run directory: it has no checkpoints. Give the "
            "folder that `jaxamp train` printed, or a model file such as amp.nam."
        )
    from jaxamp.train import kept_from, load_best  # noqa: PLC0415 (Orbax is slow)

    record, vectors = load_best(folder / "checkpoints")
    try:
        model = build(record["architecture"], record["hyperparameters"])
        refuse_excess(model)
        gain = 1 / record["target_gain"]
        if not 0 < gain < float("inf"):
            raise ValueError(f"target_gain is {record['target_gain']!r}")
        params = kept_from(vectors, model, record["averaged"])
        model, params = scale_output(model, params, gain)
    except NOT_OURS as error:
        raise RunError(
            f"The checkpoint in {shown(folder)} describes no model that can be built: "
            f"{error}. It is damaged, or no run of this project."
        ) from error
    return Loaded(model, params, metadata(folder))


def refuse_excess(model: Model) -> None:
    """Raises RunError for a model larger than any that could be trained or played."""
    options = json.dumps(dict(model.hyperparameters))
    widest = max(map(int, re.findall(r'"channels": (\d{1,12})', options)), default=1)
    remembered = model.receptive_field * widest
    if model.macs_per_sample > MOST_MACS or remembered > MOST_REMEMBERED:
        raise RunError(
            f"The model takes {model.macs_per_sample} multiply-adds a sample and "
            f"remembers {remembered} numbers; at most {MOST_MACS} and "
            f"{MOST_REMEMBERED} are loaded. Check where the run comes from."
        )


def size_limits(folder: Path) -> dict[str, float]:
    """Name -> max_value of each size of a run, in order; empty where it is one model.

    A name is that of a folder in the run, and nothing that leads out of it.

    Raises:
        RunError: The file says nothing of the kind.
    """
    file = folder / "sizes.json"
    if not file.is_file():
        return {}
    limits = kept_json(file)
    numbers = [v for v in limits.values() if type(v) in (int, float) and 0 <= v < 1e9]
    if not all(map(is_plain_name, limits)) or not 0 < len(numbers) == len(limits):
        raise RunError(
            f"{shown(file)} must give each size's folder a number, for example "
            '{"lite": 0.5, "full": 1.0}. The file is damaged, or no run wrote it.'
        )
    return {name: float(limit) for name, limit in limits.items()}


def metadata(folder: Path) -> dict[str, Any]:
    """What the run's exported file says of itself."""
    file = folder / "metadata.json"
    return kept_json(file) if file.is_file() else {}


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
