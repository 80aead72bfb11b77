"""A run directory in a bucket: worked in on the disk, carried there as it grows.

An object store has no appending, no renaming and no locks, which logs, checkpoints and
atomic writes need. So a run works in a local folder as any other does, and a thread
delivers what has changed. What is in the bucket is a run directory of its own at every
moment: an object appears whole, and a checkpoint counts from its marker on, which goes
last. A process that dies loses what it did since the last delivery, and the next one,
on whatever machine, goes on from there.
"""

import contextlib
import os
import re
import shutil
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from jaxamp.cli.lease import LEASE, LEASE_SECONDS, leased, repeated
from jaxamp.cli.main import complain
from jaxamp.cli.stopping import CURRENT
from jaxamp.core import CloudError, ConfigError, cloud
from jaxamp.core.compile_cache import user_folder

DELIVER_SECONDS = 30.0
"""How long the bucket may lag behind. Logs are sent whole, so a shorter time costs."""

VARIABLE = "JAXAMP_MIRRORED"
"""Tells the processes that a sweep starts that their folders are delivered already."""

LAST = "result.json"
"""Says that a run is done, so it goes after everything else."""

FAILURE = "failure.json"
"""Says why a job of a sweep failed, until it is tried again."""

Stamp = tuple[int, int]
"""Bytes and time of a file; differs where its content does."""


def mirror(url: str) -> str:
    """The local folder of a run directory in a bucket; a resolver of Hydra's."""
    return str(user_folder() / "cloud" / cloud.quoted(cloud.cleaned(url)))


def placed(argument: str) -> str:
    """An override that names a run directory in a bucket, with its local folder."""
    key, _, value = argument.partition("=")
    value = value.strip("'\"")
    if key not in ("hydra.run.dir", "hydra.sweep.dir") or not cloud.is_url(value):
        return argument
    if re.search(r"['\"\\]", value):
        raise ConfigError(f"{argument} may hold no quotes and no backslashes.")
    if "${" not in value:
        mirror(value)  # says at once what is wrong with it
    return f"{key}='${{mirror:\"{value}\"}}'"


def origin(folder: Path) -> str | None:
    """The URL that a local folder stands for."""
    found = re.search(r"((?:gs|s3)%3A%2F%2F[^/\\]*)(.*)", str(folder))
    if found is None:
        return None
    below = found[2].replace(os.sep, "/")
    return urllib.parse.unquote(found[1]) + below


@contextmanager
def mirrored(folder: Path) -> Iterator[None]:
    """Brings a folder's run from its bucket, and delivers what becomes of it.

    Does nothing for a folder that stands for no URL, or that is part of one which
    this process, or the one that started it, delivers.

    Raises:
        CloudError: The bucket cannot be reached; at the end, what was learned is then
            kept in the local folder.
        ForeignFolderError: Another process works in it.
    """
    refuse_mangled(folder)
    url = origin(folder)
    already = os.environ.get(VARIABLE)
    if url is None or (already and folder.is_relative_to(already)):
        yield
        return
    system = cloud.filesystem(url)
    with leased(system, url) as lost:
        known = brought(system, url, folder)
        delivery = Delivery(system, url, folder, known, lost)
        os.environ[VARIABLE] = str(folder)
        watch = CURRENT.get()
        if watch is not None:
            watch.carry(delivery.tried)  # a machine that is taken away keeps nothing
        try:
            with repeated(DELIVER_SECONDS, delivery.tried):
                yield
        finally:
            del os.environ[VARIABLE]
            delivery.finish()
            if watch is not None:
                watch.carry(lambda: None)


def refuse_mangled(folder: Path) -> None:
    """Raises for a URL that Hydra took for a relative path."""
    found = re.search(r"[/\\]((?:gs|s3):)[/\\]", str(folder))
    if found:
        raise ConfigError(
            "A run directory in a bucket must be named on the command line, as "
            f"hydra.run.dir={found[1]}//BUCKET/PATH or hydra.sweep.dir=…; a "
            "configuration file takes it for a folder here."
        )


# --- there and back ------------------------------------------------------------------


def brought(system: Any, url: str, folder: Path) -> dict[str, Stamp]:
    """Makes the local folder what the bucket has; the files that are the same in both.

    Where a process could not deliver its last checkpoints, its folder is still there,
    and is gone on with.
    """
    there = cloud.listed(url)
    if ahead(system, url, folder, there):
        return {}
    shutil.rmtree(folder, ignore_errors=True)
    taken = cloud.pull(url, folder)
    (folder / LEASE).unlink(missing_ok=True)
    return {name: stamp for name, stamp in stamps(folder).items() if name in taken}


def ahead(system: Any, url: str, folder: Path, there: dict[str, int]) -> bool:
    """Whether the local folder has a newer checkpoint of the very same run."""
    config = folder / "config.yaml"
    if not config.is_file() or "config.yaml" not in there:
        return False
    with cloud.reaching(url, "read"):
        same = system.cat_file(f"{url}/config.yaml") == config.read_bytes()
    return same and newest(stamps(folder)) > newest(there)


def newest(names: Any) -> int:
    """The newest whole checkpoint's step, or -1."""
    steps = [cloud.step_of(name) for name in names if name.endswith(cloud.MARKER)]
    return max((int(s.rpartition("/")[2]) for s in steps if s), default=-1)


def stamps(folder: Path) -> dict[str, Stamp]:
    """name -> stamp of each file that is there to stay."""
    found: dict[str, Stamp] = {}
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if "orbax-checkpoint-tmp" not in name]
        for name in files:
            if name.startswith(".") or name.endswith((".tmp", ".part", ".partial")):
                continue
            path = Path(place, name)
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                stamp = facts.st_size, facts.st_mtime_ns
                found[path.relative_to(folder).as_posix()] = stamp
    return found


class Delivery:
    """Carries what has changed in a folder to its place in a bucket."""

    def __init__(
        self,
        system: Any,
        url: str,
        folder: Path,
        known: dict[str, Stamp],
        lost: threading.Event,
    ):
        self.system, self.url, self.folder, self.lost = system, url, folder, lost
        self.known = known
        self.told = False
        self.lock = threading.Lock()
        """Held while delivering, which three threads may want to do."""

    def tried(self) -> None:
        """Delivers now, or says once that it is tried again later."""
        try:
            self.deliver()
            self.told = False
        except CloudError as error:
            if not self.told:
                complain(f"warning: {error} It is tried again.")
            self.told = True

    def finish(self) -> None:
        """Delivers the rest, and deletes the local folder.

        Raises:
            CloudError: It could not be; then the folder stays.
        """
        try:
            self.deliver()
        except CloudError as error:
            raise CloudError(
                f"{error} What was done since the last delivery is kept on this "
                f"machine, in {str(self.folder.parent)!r}; the same command goes on "
                "with it."
            ) from error
        if not self.lost.is_set():
            shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self) -> None:
        """Uploads, checkpoints first, and deletes what the run has deleted."""
        with self.lock:
            self.carry()

    def carry(self) -> None:
        """The same, while no other thread does it."""
        if self.lost.is_set():
            raise CloudError(
                f"Another jaxamp has taken over {self.url!r}, because this one did not "
                f"renew its lease for {LEASE_SECONDS:.0f} s. It goes on there; end "
                "this one."
            )
        now = stamps(self.folder)
        steps = {cloud.step_of(name) for name in now if name.endswith(cloud.MARKER)}
        # A checkpoint without its marker is being written or deleted.
        now = {
            name: stamp
            for name, stamp in now.items()
            if (step := cloud.step_of(name)) is None or step in steps
        }
        changed = [name for name in now if self.known.get(name) != now[name]]
        gone = [name for name in self.known if replaced(name, now)]
        with cloud.reaching(self.url, "written"):
            again = {cloud.step_of(name) for name in changed if name in self.known}
            self.delete([f"{step}/{cloud.MARKER}" for step in again if step])
            for names in in_order(changed):
                self.upload(names, now)
            self.delete([name for name in gone if name.endswith(cloud.MARKER)])
            self.delete([name for name in gone if name in self.known])

    def upload(self, names: list[str], now: dict[str, Stamp]) -> None:
        """Copies files, unless they have gone meanwhile."""
        for name in names:
            source = self.folder / name
            if name.endswith(cloud.MARKER) and not self.delivered(name, now):
                continue
            try:
                self.system.put_file(str(source), f"{self.url}/{name}")
            except FileNotFoundError:
                if source.exists():
                    raise
                continue  # deleted while it was read: the next delivery will see
            self.known[name] = now[name]

    def delivered(self, marker: str, now: dict[str, Stamp]) -> bool:
        """Whether all else of a marker's checkpoint is in the bucket."""
        step = cloud.step_of(marker)
        return all(
            self.known.get(name) == stamp
            for name, stamp in now.items()
            if cloud.step_of(name) == step and name != marker
        )

    def delete(self, names: list[str]) -> None:
        """Deletes objects, if they are there."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self.system.rm_file(f"{self.url}/{name}")
            self.known.pop(name, None)


def replaced(name: str, now: dict[str, Stamp]) -> bool:
    """Whether a file is gone because the run has deleted it.

    That is what it does with checkpoints that have newer ones, and with the failure of
    an earlier try. Whatever else is gone was deleted by somebody else: the bucket's is
    then all there is.
    """
    step = cloud.step_of(name)
    if name in now:
        return False
    if step is None:
        folder, _, last = name.rpartition("/")
        config = f"{folder}/config.yaml" if folder else "config.yaml"
        return last == FAILURE and config in now
    beside = step.rpartition("/")[0]
    others = {cloud.step_of(other) for other in now} - {None, step}
    return any(str(other).rpartition("/")[0] == beside for other in others)


def in_order(names: list[str]) -> list[list[str]]:
    """Files of checkpoints, their markers, other files, and what says all is done."""

    def turn(name: str) -> int:
        if cloud.step_of(name):
            return 1 if name.endswith(cloud.MARKER) else 0
        return 3 if name.rpartition("/")[2] == LAST else 2

    return [[name for name in sorted(names) if turn(name) == i] for i in range(4)]


# Worker processes of any launcher import this module before they need the name.
OmegaConf.register_new_resolver("mirror", mirror, replace=True)
