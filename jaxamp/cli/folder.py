"""The run directory: whether it can be used, and files that are whole or absent."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from jaxamp.core import RunError

MAY_CHANGE = (
    "train.steps",
    "train.minutes",
    "train.threshold_esr",
    "train.patience",
    "export.",
)
"""Keys that may differ when a run is taken up again: they only say when to stop, and
what the exported file says of itself."""

NEEDED_BYTES = 50 << 20
"""Free space below which a run is not begun."""


def claim(folder: Path, config: Mapping[str, Any], findings: Mapping[str, Any]) -> None:
    """Makes the folder this configuration's, or refuses.

    Raises:
        RunError: Not a folder, not writable, full, or another configuration's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe.{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"The run directory {str(folder)!r} cannot be written to: "
            f"{error.strerror}. Choose another with hydra.run.dir=FOLDER."
        ) from error
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise RunError(
            f"The disk of {str(folder)!r} has {free >> 20} MiB left; a run needs "
            f"{NEEDED_BYTES >> 20} MiB. Free some space, or choose another folder with "
            "hydra.run.dir=FOLDER."
        )
    refuse_other(folder, config, findings)
    write_text(
        folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(config)))
    )
    write_json(folder / "capture.json", findings)


def refuse_other(
    folder: Path, config: Mapping[str, Any], findings: Mapping[str, Any]
) -> None:
    """Raises if the folder belongs to another configuration or other recordings."""
    file = folder / "config.yaml"
    if not file.is_file():
        if (folder / "checkpoints").exists():
            raise RunError(
                f"{str(folder)!r} has checkpoints but no config.yaml, so it cannot be "
                "told what they belong to. Choose another run directory."
            )
        return
    old = flat(OmegaConf.to_container(OmegaConf.load(file)))
    new = flat(config)
    differing = [
        f"{key} was {old.get(key)!r}, now {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and not key.startswith(MAY_CHANGE)
    ]
    if differing:
        raise RunError(
            f"The run directory {str(folder)!r} belongs to a run of another "
            f"configuration: {'; '.join(differing[:5])}. Choose another with "
            "hydra.run.dir=FOLDER, or start it again as it was to go on."
        )
    heard = folder / "capture.json"
    if heard.is_file() and json.loads(heard.read_text()) != plain(findings):
        raise RunError(
            f"The recordings are not those the run in {str(folder)!r} began with. "
            "Choose another run directory with hydra.run.dir=FOLDER."
        )


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    if isinstance(node, Mapping) and node:
        pairs = [
            flat(value, f"{prefix}.{key}" if prefix else str(key)).items()
            for key, value in node.items()
        ]
        return {key: value for items in pairs for key, value in items}
    return {prefix: plain(node)}


def plain(value: Any) -> Any:
    """The value as JSON gives it back."""
    return json.loads(json.dumps(value))


def write_json(path: Path, value: Any) -> None:
    """JSON that is whole or absent."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Text that is whole or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def discard_if_empty(folder: Path) -> None:
    """Takes back a folder that was made for nothing."""
    try:
        folder.rmdir()
        if folder.parent.name == "runs":
            folder.parent.rmdir()
    except OSError:
        pass  # not empty, or not there: nothing to take back
