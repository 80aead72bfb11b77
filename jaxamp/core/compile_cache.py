"""Compiled programs kept on disk, so that the next process need not compile them.

An entry is machine code that will be run. So it lies in a folder that only its owner
can write to, appears under its name only when whole, carries a checksum, and is kept
apart for each kind of processor and version of the compiler. Whatever is damaged is
deleted and compiled anew.

Where `JAXAMP_CACHE` names a bucket, the local folder stays what it is, and what it
lacks is looked for in the bucket, for machines that begin bare. A checksum tells
damage, not malice, and nobody here can tell who may write to a bucket: whoever names
one trusts all who can.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import re
import secrets
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxamp.core import cloud
from jaxamp.core.errors import ConfigError

VARIABLE = "JAXAMP_CACHE"
"""Environment variable that names another folder or a bucket, or is `off`."""

LARGEST = 1 << 30
"""Bytes of all entries together, those of other versions included; checked at start."""

KEPT = 0.8
"""The share of it that is left when the entries used longest ago are deleted."""

ABANDONED_SECONDS = 3600.0
"""Age from which a file that was never finished belongs to a process that died."""

SUFFIX, PARTIAL = ".program", ".part"


def use_compile_cache(folder: Path | None = None) -> Path | None:
    """Compiles nothing that this user's earlier processes have compiled.

    Works from the next compilation on. A cache that JAX was already given is kept.

    Args:
        folder: Where; by default what `JAXAMP_CACHE` names, else the user's folder for
            caches.

    Returns:
        The folder, or None where there is none: switched off, or no place to write.

    Raises:
        ConfigError: The folder is open to other users, or was named and is unusable.
        CloudError: No bucket of that kind can be reached.
    """
    named = os.environ.get(VARIABLE) or None
    if folder is None and named == "off":
        return None
    import jax  # noqa: PLC0415 (slow to import, and not needed where it is off)

    settings: Any = jax.config
    if settings.jax_compilation_cache_dir:
        return Path(settings.jax_compilation_cache_dir)
    bucket = None
    if folder is None and named and cloud.is_url(named):
        bucket, named = Bucket(named), None
    wanted = folder or (Path(named) if named else user_folder())
    try:
        place = private_folder(wanted.expanduser().absolute())
        prune(place.parent)
    except OSError as error:
        if folder is None and not named:
            return None  # a home that cannot be written to is no mistake
        raise ConfigError(
            f"The compile cache {str(wanted)!r} cannot be used ({error.strerror}); "
            f"nothing is cached. Name another folder with {VARIABLE}=FOLDER, or do "
            f"without: {VARIABLE}=off."
        ) from error
    install(place, bucket)
    return place


def in_use() -> "Programs | None":
    """The cache this process was given, to keep other things that can be made anew.

    They lie among the programs, because a machine that compiles differently may also
    compute differently in the last bit.
    """
    import jax  # noqa: PLC0415

    settings: Any = jax.config
    place = Path(settings.jax_compilation_cache_dir or "")
    return Programs(place) if place.name == fingerprint() else None


def user_folder() -> Path:
    """The user's folder for caches, as the system has it."""
    import platformdirs  # noqa: PLC0415 (not needed where a folder is named)

    return Path(platformdirs.user_cache_dir("jaxamp", appauthor=False))


def private_folder(root: Path) -> Path:
    """The sub-folder for this processor and compiler, writable by its owner alone.

    Raises:
        ConfigError: Somebody else owns it or may write to it.
        OSError: It cannot be made.
    """
    place = root / "compiled" / fingerprint()
    for folder in (root, place.parent, place):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_shared(folder)
    for folder in root.resolve().parents:
        refuse_replaceable(folder)
    probe = place / f"{secrets.token_hex(8)}{PARTIAL}"
    probe.touch()
    probe.unlink()
    return place


def refuse_shared(folder: Path) -> None:
    """Raises where other users own the folder or may write to it."""
    if os.name != "posix":
        return  # LOCALAPPDATA is the user's own
    facts = folder.stat()
    if facts.st_uid != os.geteuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        whose = (
            "is open to other users"
            if facts.st_uid == os.geteuid()
            else "belongs to another user"
        )
        raise ConfigError(
            f"The compile cache {str(folder)!r} {whose}, who could have you run their "
            "programs; nothing is cached. Close it (chmod 700), name another with "
            f"{VARIABLE}=FOLDER, or do without: {VARIABLE}=off."
        )


def refuse_replaceable(folder: Path) -> None:
    """Raises where anybody could put another folder in the cache's place."""
    mode = folder.stat().st_mode
    if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"The compile cache lies in {str(folder)!r}, where any user may replace "
            f"it; nothing is cached. Name another folder with {VARIABLE}=FOLDER, or do "
            f"without: {VARIABLE}=off."
        )


def fingerprint() -> str:
    """What a compiled program depends on beside its source.

    A home directory may be shared by unlike machines, and the code for one may be
    illegal on another; how work is split depends on the cores there are, or on the
    threads that XLA is told to have.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    facts = [platform.system(), processor(), str(cores or os.cpu_count())]
    facts += [os.environ["NPROC"]] if "NPROC" in os.environ else []
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    version = importlib.metadata.version("jaxlib")
    return f"jaxlib-{version}-{platform.machine()}-{digest}"


def processor() -> str:
    """The processor's model and abilities, as far as the system tells."""
    file = Path("/proc/cpuinfo")
    if file.is_file():
        words = r"(?:model name|flags|CPU \w+|Features)\s*:.*"
        return "\n".join(sorted(set(re.findall(words, file.read_text()))))
    if sys.platform == "darwin":
        asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        return told.stdout
    return platform.processor()


def prune(folder: Path) -> None:
    """Deletes the entries used longest ago where all together are too large.

    Processes may do so at once: what one has deleted, the other does not find.
    """
    entries = sorted(found(folder))
    total = sum(size for _, size, _ in entries)
    target = KEPT * LARGEST if total > LARGEST else total
    for _, size, path in entries:
        if total <= target:
            break
        path.unlink(missing_ok=True)
        total -= size


def found(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """(when last used, bytes, path) of every entry; unfinished old ones are deleted."""
    for path in folder.glob("jaxlib-*/*"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            if path.suffix == SUFFIX:
                yield facts.st_mtime, facts.st_size, path
            elif (
                path.suffix == PARTIAL
                and time.time() - facts.st_mtime > ABANDONED_SECONDS
            ):
                path.unlink()


def install(place: Path, bucket: "Bucket | None" = None) -> None:
    """Has JAX keep its compiled programs in a `Programs` of that folder.

    JAX's own files are neither written in one stroke nor checked, in 0.10 and in 0.12
    alike: a process that is killed while it writes leaves an entry that every later
    one stumbles over. `get_file_cache` is where JAX chooses; a JAX without it goes on
    with its own files.
    """
    import jax  # noqa: PLC0415
    from jax._src import compilation_cache  # noqa: PLC0415

    compilation_cache.get_file_cache = lambda path: (
        Programs(Path(path), bucket),
        path,
    )
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


class Programs:
    """What JAX asks for compiled programs: bytes under a key, or None.

    No locks: a file is whole from the moment it has its name, and two processes that
    compile the same program write the same one.
    """

    def __init__(self, folder: Path, bucket: "Bucket | None" = None):
        self._path = folder  # JAX's name for it
        self._bucket = bucket

    def get(self, key: str) -> bytes | None:
        """The bytes stored, if they are whole."""
        path = self._file(key)
        try:
            data = path.read_bytes()
        except OSError:
            return self._fetched(key)
        value = unsealed(key, data)
        with contextlib.suppress(OSError):
            os.utime(path) if value is not None else path.unlink()
        return value

    def put(self, key: str, value: bytes) -> None:
        """Stores the bytes; where that fails, nothing is stored."""
        sealed = checksum(key, value) + value
        self._keep(key, sealed)
        if self._bucket is not None:
            self._bucket.put(self._name(key), sealed)

    def _keep(self, key: str, sealed: bytes) -> None:
        partial = self._path / f"{secrets.token_hex(8)}{PARTIAL}"
        with contextlib.suppress(OSError):
            try:
                partial.write_bytes(sealed)
                os.replace(partial, self._file(key))
            finally:
                partial.unlink(missing_ok=True)

    def _fetched(self, key: str) -> bytes | None:
        """What the bucket has, kept here from now on."""
        sealed = self._bucket and self._bucket.get(self._name(key))
        value = unsealed(key, sealed) if sealed else None
        if sealed and value is not None:
            self._keep(key, sealed)
        return value

    def _name(self, key: str) -> str:
        return f"{self._path.name}/{self._file(key).name}"

    def _file(self, key: str) -> Path:
        return self._path / (re.sub(r"\W", "_", key)[-200:] + SUFFIX)


class Bucket:
    """A bucket behind the folder, asked for what the folder lacks.

    It only saves time: the first time it fails is told, and it is not asked again.

    Raises:
        CloudError: What reads buckets of its kind is not installed.
    """

    def __init__(self, url: str):
        self.url = f"{cloud.cleaned(url)}/compiled"
        self.system: Any = cloud.filesystem(self.url)

    def get(self, name: str) -> bytes | None:
        """The bytes of an object, or None."""
        with self.trying(), contextlib.suppress(FileNotFoundError):
            return self.system and self.system.cat_file(f"{self.url}/{name}")
        return None

    def put(self, name: str, data: bytes) -> None:
        """Stores the bytes under a name."""
        with self.trying():
            if self.system:
                self.system.pipe_file(f"{self.url}/{name}", data)

    @contextlib.contextmanager
    def trying(self) -> Iterator[None]:
        """Gives the bucket up where it fails."""
        try:
            with cloud.reaching(self.url, "reached", passing=FileNotFoundError):
                yield
        except cloud.CloudError as error:
            self.system = None
            warnings.warn(f"{error} Programs are kept here alone.", stacklevel=2)


def unsealed(key: str, data: bytes) -> bytes | None:
    """What lies behind a checksum, if it is whole."""
    value = data[32:]
    return value if data[:32] == checksum(key, value) else None


def checksum(key: str, value: bytes) -> bytes:
    """32 bytes that a damaged entry, or one under another's name, does not have."""
    return hashlib.sha256(key.encode() + b"\0" + value).digest()
