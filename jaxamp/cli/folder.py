"""The run directory: whether it can be used, and files that are whole or absent."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from jaxamp.cli.kept import DAMAGED, kept_config
from jaxamp.core import RunError
from jaxamp.core.checksum import checksum
from jaxamp.core.small_files import small_json

KNOBS = "conditioning."
"""The keys that say how knobs reach a network."""

MAY_CHANGE = (
    "train.steps",
    "train.minutes",
    "train.threshold_esr",
    "train.patience",
    "train.restarts",
    "train.devices",
    "train.processes",
    "export.",
)
"""Keys that may differ when a run is taken up again: they only say when to stop, where
to compute, and what the exported file says of itself."""

WHERE = ("train.devices", "train.processes")
"""Keys that only say where to compute: they do not make another run of a finished one.
"""

ASKED = ("steps", "minutes", "threshold_esr", "patience")
"""Keys of the train group that say when a run is done."""

NEEDED_BYTES = 50 << 20
"""Free space below which a run is not begun."""


class ForeignFolderError(RunError):
    """A folder that another process or another run has."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder for as long as this one works in it.

    Raises:
        ForeignFolderError: Another process works in it.
    """
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ForeignFolderError(
            f"Another jaxamp is working in {str(folder)!r}. Wait until it is done, or "
            "choose another folder with hydra.run.dir=FOLDER, for a sweep with "
            "hydra.sweep.dir=FOLDER."
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # a disk that takes no more must not hide the reason
            Path(lock.lock_file).unlink()
        lock.release()


def unwritable(folder: Path, error: OSError) -> RunError:
    """What to say of a folder that takes no files."""
    return RunError(
        f"The run directory {str(folder)!r} cannot be written to: {error.strerror}. "
        "Choose another with hydra.run.dir=FOLDER, or hydra.sweep.dir=FOLDER for a "
        "sweep."
    )


def asked(train: Mapping[str, Any]) -> dict[str, Any]:
    """When a run is done, out of its train group."""
    return {key: train[key] for key in ASKED}


def finished(folder: Path, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result of a run that is done exactly as this configuration asks, or None."""
    try:
        result = small_json(folder / "result.json")
        old = kept_config(folder / "config.yaml")
        train = result["train"]
        done = (
            train["asked"] == plain(asked(config["train"]))
            and isinstance(result["esr"], float)
            and train["stopped"] != "interrupted"
            and given(old) == without_knobs(given(config), given(old))
        )
    except DAMAGED:
        return None  # not there, or not whole
    return result if done else None


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
        raise unwritable(folder, error) from error
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise RunError(
            f"The disk of {str(folder)!r} has {free >> 20} MiB left; a run needs "
            f"{NEEDED_BYTES >> 20} MiB. Free some space, or choose another folder with "
            "hydra.run.dir=FOLDER."
        )
    refuse_links(folder)
    refuse_other(folder, config)
    refuse_other_recordings(folder, findings)
    (folder / "failure.json").unlink(missing_ok=True)  # of an earlier try
    for abandoned in [*folder.glob(".*.part"), *folder.glob(".*.partial")]:
        abandoned.unlink(missing_ok=True)  # by a process that was killed
    text = OmegaConf.to_yaml(OmegaConf.create(dict(config)))
    write_text(folder / "config.yaml", text)
    write_json(folder / "capture.json", findings)


def remembrance(
    config: Mapping[str, Any], findings: Mapping[str, Any]
) -> dict[str, Any]:
    """What every checkpoint of a run remembers of it, to know it by."""
    return {
        "config": {
            key: value
            for key, value in flat(config).items()
            if not key.startswith(MAY_CHANGE)
        },
        "capture": plain(findings),
    }


def remembered(folder: Path) -> dict[str, Any] | None:
    """What the newest whole checkpoint below a run's folder remembers of it.

    So a run is known even if its `config.yaml` is gone or damaged. Read without Orbax,
    which takes seconds to import.
    """
    places = [
        *folder.glob("checkpoints/*/record/metadata"),
        *folder.glob("*/checkpoints/*/record/metadata"),
    ]
    steps = [(int(p.parents[1].name), p) for p in places if p.parents[1].name.isdigit()]
    for _, place in sorted(steps, reverse=True):
        try:
            record = small_json(place)
            whole = record.pop("checksum") == checksum(record)
            about = record["about"]
            if whole and {"config", "capture"} <= about.keys():
                return about
        except DAMAGED:
            continue
    return None


def refuse_links(folder: Path) -> None:
    """Raises if writing into the folder would write files somewhere else.

    A folder that is a link, such as checkpoints on a larger disk, is the user's own.
    """
    links = [one for one in folder.iterdir() if one.is_symlink() and not one.is_dir()]
    if links:
        raise ForeignFolderError(
            f"{str(links[0])!r} is a link to another file, which no run of ours makes "
            "and which would be written through. Remove it, or choose another run "
            "directory with hydra.run.dir=FOLDER."
        )


def refuse_other(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises if the folder belongs to a run of another configuration."""
    about = remembered(folder)
    old = configured(folder) if about is None else about["config"]
    if old is None:
        return
    new = without_knobs(flat(config), old)
    differing = [
        f"{key} was {old.get(key)!r}, now {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and not key.startswith(MAY_CHANGE)
    ]
    if differing:
        raise ForeignFolderError(
            f"The run directory {str(folder)!r} belongs to a run of another "
            f"configuration: {'; '.join(differing[:5])}. Choose another with "
            "hydra.run.dir=FOLDER, or hydra.sweep.dir=FOLDER for a sweep, or start it "
            "again as it was to go on."
        )


def without_knobs(new: dict[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a configuration that an old one, of before there were knobs, has.

    Its run had none, so how they reach a network made no difference to it.
    """
    if any(key.startswith(KNOBS) for key in old):
        return new
    return {key: value for key, value in new.items() if not key.startswith(KNOBS)}


def configured(folder: Path) -> dict[str, Any] | None:
    """What a folder's `config.yaml` says, with dotted keys; None of a new folder."""
    file = folder / "config.yaml"
    if not file.is_file():
        if (folder / "checkpoints").exists():
            raise ForeignFolderError(
                f"{str(folder)!r} has checkpoints but no config.yaml, so it cannot be "
                "told what they belong to. Choose another run directory."
            )
        return None
    try:
        return flat(kept_config(file))
    except DAMAGED as error:
        raise ForeignFolderError(
            f"{str(file)!r} cannot be read, so it cannot be told what the run in its "
            "folder was. Choose another run directory, or move this one away."
        ) from error


def refuse_other_recordings(folder: Path, findings: Mapping[str, Any]) -> None:
    """Raises if the folder's run began with other recordings."""
    about = remembered(folder)
    heard = noted(folder / "capture.json") if about is None else about["capture"]
    if heard is not None and heard != plain(findings):
        raise ForeignFolderError(
            f"The recordings are not those the run in {str(folder)!r} began with. "
            "Choose another run directory with hydra.run.dir=FOLDER."
        )


def noted(file: Path) -> Any:
    """What a JSON file holds; None where it is not there or not whole."""
    try:
        return small_json(file)
    except DAMAGED:
        return None


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    if isinstance(node, Mapping) and node:
        pairs = [
            flat(value, f"{prefix}.{key}" if prefix else str(key)).items()
            for key, value in node.items()
        ]
        return {key: value for items in pairs for key, value in items}
    return {prefix: plain(node)}


def given(config: Any) -> dict[str, Any]:
    """What a configuration sets; keys at null are as good as those of later versions.

    Nor does it matter where a run was computed. So a run is not done again for a key
    that was added since and is left at null.
    """
    return {
        key: value
        for key, value in flat(config).items()
        if value is not None and key not in WHERE
    }


def plain(value: Any) -> Any:
    """The value as JSON gives it back."""
    return json.loads(json.dumps(value))


def write_json(path: Path, value: Any) -> None:
    """JSON that is whole or absent."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Text that is whole or absent."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """A file that is whole or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a machine that loses power keeps it empty
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
