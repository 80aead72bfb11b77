"""Files in a bucket: fetched before they are read, delivered once they are whole.

An object store knows no appending, no locks and no renaming, and each of its answers
takes as long as a whole checkpoint on a disk. So whatever works on files works on the
disk, and this module alone carries them there and back. Paths that are no URLs pass
through untouched, and nothing is imported for them.
"""

import atexit
import functools
import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jaxamp.core.errors import CloudError

EXTRAS = {"gs": "gcs", "s3": "s3"}
"""scheme -> the extra of jaxamp that brings what it needs"""

STEP = re.compile(r"(?:.*/)?checkpoints/\d+(?=/)")
"""The folder of a checkpoint: taken whole or not at all."""

MARKER = "_CHECKPOINT_METADATA"
"""The file of a checkpoint that is delivered last, and goes first."""

SPARE_BYTES = 50 << 20
"""What a file must leave free on the disk it is fetched to."""

URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
QUOTED = re.compile(r"[^\s'\"]*/((?:gs|s3)%3A%2F%2F[^/\s'\"]*)")


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether a path names something in a bucket rather than on the disk."""
    return isinstance(path, str) and URL.match(path) is not None


def quoted(url: str) -> str:
    """A URL as the name of one folder, which `named` takes for the URL again."""
    return urllib.parse.quote(url, safe="")


def named(text: object) -> str:
    """A text with the URL in place of every local stand-in for it."""
    return QUOTED.sub(lambda found: urllib.parse.unquote(found[1]), str(text))


def fetched(path: str | os.PathLike[str]) -> Path:
    """A local copy of a file or a run directory; a local path as it is.

    The copy has the name that the original has, and lasts as long as the process.

    Raises:
        CloudError: There is nothing, it cannot be reached, or it does not fit.
    """
    if not is_url(path):
        return Path(path)
    url = cleaned(os.fspath(path))
    system = filesystem(url)
    with reaching(url, "read"):
        system.invalidate_cache()
        file = system.isfile(url)
    if not file:
        folder = room() / "read" / quoted(url)
        shutil.rmtree(folder, ignore_errors=True)
        if not pull(url, folder):
            raise CloudError(
                f"There is nothing at {url!r}. Check the name of the bucket and the "
                "path in it."
            )
        return folder
    above, _, name = url.rpartition("/")
    copy = room() / "read" / quoted(above) / safe(name)
    copy.parent.mkdir(parents=True, exist_ok=True)
    with reaching(url, "read"):
        refuse_too_large(url, system.size(url) or 0, copy.parent)
        system.get_file(url, str(copy))
    return copy


@contextmanager
def delivered(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Where to write a file, or a folder of files, that belongs at `path`.

    For a URL that is a place of its own. What was written there goes to the bucket
    when the `with` statement ends without an error; an object appears whole.

    Raises:
        CloudError: It cannot be written.
    """
    if not is_url(path):
        yield Path(path)
        return
    url = cleaned(os.fspath(path))
    system = filesystem(url)
    above, _, name = url.rpartition("/")
    place = room() / "written" / quoted(above) / safe(name)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    yield place
    with reaching(url, "written"):
        if place.is_file():
            system.put_file(str(place), url)
        elif place.is_dir():
            for file in sorted(place.rglob("*")):
                if file.is_file():
                    system.put_file(
                        str(file), f"{url}/{file.relative_to(place).as_posix()}"
                    )


def pull(url: str, folder: Path) -> dict[str, int]:
    """Copies what lies below a URL into a folder; name -> bytes of what was copied.

    A checkpoint that lacks its marker, or a part of which is deleted meanwhile, is left
    out: whoever writes it is not done, or it has made room for a newer one.

    Raises:
        CloudError: It cannot be reached, or does not fit on the disk.
    """
    system = filesystem(url)
    files = listed(url)
    whole = {
        name: size
        for name, size in files.items()
        if (step := step_of(name)) is None or f"{step}/{MARKER}" in files
    }
    folder.mkdir(parents=True, exist_ok=True)
    refuse_too_large(url, sum(whole.values()), folder)
    there: list[str] = []
    for step, names in grouped(whole).items():
        if copied(system, url, folder, names):
            there += names
        elif step:
            shutil.rmtree(folder / step, ignore_errors=True)
        else:  # other files are whole by themselves
            there += [name for name in names if copied(system, url, folder, [name])]
    return {name: whole[name] for name in there}


def copied(system: Any, url: str, folder: Path, names: Sequence[str]) -> bool:
    """Whether all of some objects were there to be copied."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    try:
        with reaching(url, "read", passing=FileNotFoundError):
            system.get(
                [f"{url}/{name}" for name in names],
                [str(folder / name) for name in names],
            )
    except FileNotFoundError:
        return False
    return True


def listed(url: str) -> dict[str, int]:
    """name -> bytes of every object below a URL.

    Raises:
        CloudError: It cannot be reached, or holds names that are no paths.
    """
    system = filesystem(url)
    with reaching(url, "read"):
        system.invalidate_cache()
        try:
            found: Mapping[str, Any] = system.find(url, detail=True)
        except FileNotFoundError:
            found = {}
        begin = len(system._strip_protocol(url).rstrip("/")) + 1
    files = {path[begin:]: int(facts["size"] or 0) for path, facts in found.items()}
    return {safe(name): size for name, size in files.items() if name}


def grouped(names: Mapping[str, int]) -> dict[str, list[str]]:
    """The names by checkpoint; what belongs to none is under ''."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(step_of(name) or "", []).append(name)
    return groups


def step_of(name: str) -> str | None:
    """The folder of the checkpoint that a file belongs to."""
    found = STEP.match(name)
    return found[0] if found else None


def safe(name: str) -> str:
    """An object's name, if it is a path that stays where it is put.

    Raises:
        CloudError: It would lead elsewhere.
    """
    parts = name.split("/")
    if not all(parts) or {".", ".."} & {*parts} or re.search(r"[\0\\]", name):
        raise CloudError(
            f"The bucket holds an object named {name!r}, which is no path below the "
            "folder it is in. Delete it, or choose another folder."
        )
    return name


def cleaned(url: str) -> str:
    """A URL of a bucket and a path in it.

    Raises:
        CloudError: Another scheme, no bucket, or nothing in it.
    """
    found = URL.match(url)
    scheme = found[1] if found else ""
    bucket, _, path = url[len(scheme) + 3 :].rstrip("/").partition("/")
    if scheme not in EXTRAS or not bucket or not path:
        raise CloudError(
            f"{url!r} is nothing that can be read or written. In a bucket, give a path "
            f"such as {' or '.join(f'{known}://BUCKET/PATH' for known in EXTRAS)}; "
            "anything else must lie on the disk."
        )
    safe(path)
    return f"{scheme}://{bucket}/{path}"


def filesystem(url: str) -> Any:
    """What reads and writes the buckets of a URL's kind.

    Raises:
        CloudError: It is not installed, or has no way in.
    """
    scheme = url.partition(":")[0]
    try:
        import fsspec  # noqa: PLC0415 (not needed where all is local)

        with reaching(url, "reached", passing=ImportError):
            return fsspec.filesystem(scheme)
    except ImportError as error:
        extra = EXTRAS[scheme]
        raise CloudError(
            f"{url!r} needs a package that is not installed. Install it with "
            f"`pip install 'jaxamp[{extra}]'`, in a checkout with `uv sync --extra "
            f"{extra}`."
        ) from error


@contextmanager
def reaching(
    url: str, what: str, passing: type[Exception] = CloudError
) -> Iterator[None]:
    """Tells in words whatever a bucket's package raises; there are dozens of kinds.

    Args:
        what: What could not be done: read, written.
        passing: What is no mistake.
    """
    try:
        yield
    except (CloudError, passing):
        raise
    except Exception as error:
        said = (
            f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        )
        raise CloudError(
            f"{url!r} cannot be {what} ({one_line(said)}). Check the name and the "
            "network, and that you are logged in and allowed to (gcloud auth "
            "application-default login, or aws configure)."
        ) from error


def one_line(text: str, longest: int = 300) -> str:
    """A stranger's message as a part of a sentence."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:longest]


def refuse_too_large(url: str, size: int, folder: Path) -> None:
    """Raises before a disk is filled."""
    free = shutil.disk_usage(folder).free
    if size + SPARE_BYTES > free:
        raise CloudError(
            f"{url!r} takes {size >> 20} MiB, and the disk of {str(folder)!r} has "
            f"{free >> 20} MiB left. Free some space, or set TMPDIR to a larger disk."
        )


@functools.cache
def room() -> Path:
    """This process's folder for copies, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="jaxamp-"))
    atexit.register(remover(folder, os.getpid()))
    return folder


def remover(folder: Path, owner: int) -> Callable[[], None]:
    """What removes a folder, in the process that made it and in no fork of it."""

    def remove() -> None:
        if os.getpid() == owner:
            with suppress(OSError):
                shutil.rmtree(folder)

    return remove
