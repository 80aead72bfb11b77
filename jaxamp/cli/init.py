"""`train.init`: what each model of a job begins with, and what its folder remembers.

Where a run begins matters before its first step alone: from then on its checkpoints
count. So a run that has some goes on even if the other model is gone or has learned
on, and says so; one that has none begins with the model as it is now.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.folder import write_json
from jaxamp.cli.kept import DAMAGED
from jaxamp.core import ConfigError, FormatError, Model, RunError
from jaxamp.core.small_files import small_json
from jaxamp.models import Container
from jaxamp.warm_start import Beginning, beginning, refuse_nothing, sentence

NAME = "init.json"


def beginnings(
    path: str | None,
    model: Model | Container,
    target_gain: float,
    folders: Sequence[Path],
) -> list[Beginning | None]:
    """What each model of a job begins with; `folders` are theirs.

    Each size of a container takes from the size of the same share, where the other
    model has several.

    Raises:
        ConfigError, FormatError, RunError: The other model cannot be begun with.
    """
    models = shares(model)
    if path is None:
        return [None for _ in models]
    remembered = [remembered_in(folder) for folder in folders]
    try:
        found = [
            beginning(path, one, target_gain=target_gain, size=share)
            for one, share in models
        ]
        refuse_nothing(found)
    except (ConfigError, FormatError, RunError):
        if not all(remembered):
            raise
        return [Beginning(None, record) for record in remembered if record]
    return [
        Beginning(None, old) if old and old["sha256"] != new.record["sha256"] else new
        for old, new in zip(remembered, found, strict=True)
    ]


def shares(model: Model | Container) -> list[tuple[Model, float | None]]:
    """Each model, and which size of another it corresponds to: None is the largest."""
    if not isinstance(model, Container):
        return [(model, None)]
    below = [0.0, *(size.max_value for size in model.sizes[:-1])]
    *smaller, (largest, _) = zip((s.model for s in model.sizes), below, strict=True)
    return [*smaller, (largest, None)]


def remembered_in(folder: Path) -> dict[str, Any] | None:
    """What a run that has checkpoints began with."""
    if not any((folder / "checkpoints").glob("*")):
        return None
    try:
        record = small_json(folder / NAME)
        return record if isinstance(record["sha256"], str) else None
    except DAMAGED:
        return None


def keep(folder: Path, init: Beginning | None) -> None:
    """Remembers in a run's folder what it begins with."""
    if init is not None and init.taken is not None:
        write_json(folder / NAME, init.record)


def told(init: Beginning | None, begins: bool, size: str = "") -> tuple[str, bool]:
    """What to say of a run's beginning, and whether it is a warning.

    Args:
        begins: Whether the run begins, rather than going on.

    Raises:
        RunError: It begins, but the other model is not there as it was.
    """
    if init is None:
        return "", False
    name = init.record["file"]
    if init.taken is not None:
        return (sentence(init.record, size), not init.whole) if begins else ("", False)
    if begins:
        raise RunError(
            f"No checkpoint of the run is whole, and {name}, which it began with, is "
            "not there as it was. Put it back, or begin anew in another folder with "
            "hydra.run.dir=FOLDER."
        )
    return (
        f"{name} is not there as it was when the run began with it. The run goes on "
        "from its own checkpoints."
    ), True
