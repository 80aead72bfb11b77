"""Who works in a run directory in a bucket: a lease, for object stores have no locks.

Of two who come at once the store lets in one. A lease is renewed while its holder
lives, and may be taken over from one that does not.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxamp.cli.folder import ForeignFolderError
from jaxamp.cli.main import complain
from jaxamp.core import cloud

REFRESH_SECONDS = 15.0
"""How often the lease is renewed."""

LEASE_SECONDS = 60.0
"""How long a lease that nobody renews holds others off."""

LEASE = ".lease"
"""The object that says who works in a folder of a bucket."""


@contextmanager
def leased(system: Any, url: str) -> Iterator[threading.Event]:
    """Keeps other processes out of a folder of a bucket; yields whether that failed.

    The store itself sees to it that of two who come at once only one is let in. A
    process that died keeps others waiting for `LEASE_SECONDS`; one that was stopped for
    longer and wakes up finds the lease taken, and delivers nothing more.

    Raises:
        ForeignFolderError: Another process renews its lease.
    """
    path, lost = f"{url}/{LEASE}", threading.Event()
    mine = {"host": socket.gethostname(), "pid": os.getpid()}
    mine["token"] = secrets.token_hex(8)
    count = iter(range(1 << 62))

    def renewed() -> bytes:
        return json.dumps(mine | {"renewed": next(count)}).encode()

    def refresh() -> None:
        with contextlib.suppress(Exception):  # of the network: tried again
            found = read_lease(system, path)
            if found is not None and found.get("token") != mine["token"]:
                lost.set()
            elif not lost.is_set():
                system.pipe_file(path, renewed())

    with cloud.reaching(url, "written", passing=ForeignFolderError):
        take_lease(system, url, path, renewed)
    try:
        with repeated(REFRESH_SECONDS, refresh):
            yield lost
    finally:
        with contextlib.suppress(Exception):  # it ends by itself
            found = read_lease(system, path)
            if found is not None and found.get("token") == mine["token"]:
                system.rm_file(path)


def take_lease(system: Any, url: str, path: str, renewed: Callable[[], bytes]) -> None:
    """Takes the lease, or that of a process which is no more."""
    try:
        system.pipe_file(path, renewed(), mode="create")
        return
    except FileExistsError:
        found = read_lease(system, path)
    if found is not None and not gone(found):
        complain(
            f"{url!r} is leased by process {found.get('pid')} on {found.get('host')}. "
            f"Waiting for up to {LEASE_SECONDS:.0f} s to see whether it is alive …"
        )
        waited = threading.Event()
        for _ in range(10):
            waited.wait(LEASE_SECONDS / 10)
            later = read_lease(system, path)
            if later is None:
                break
            if later != found:
                raise ForeignFolderError(
                    f"Another jaxamp is working in {url!r}: process "
                    f"{later.get('pid')} on {later.get('host')}. Wait until it is "
                    "done, or choose another folder with hydra.run.dir=URL, for a "
                    "sweep with hydra.sweep.dir=URL."
                )
    taken = renewed()
    system.pipe_file(path, taken)
    # Of several that waited for the same one to die, the last to write has it.
    threading.Event().wait(LEASE_SECONDS / 60)
    if read_lease(system, path) != json.loads(taken):
        raise ForeignFolderError(
            f"Another jaxamp has just begun to work in {url!r}. Wait until it is done, "
            "or choose another folder."
        )


def read_lease(system: Any, path: str) -> dict[str, Any] | None:
    """What the lease says, or None where there is none."""
    system.invalidate_cache()
    try:
        found = json.loads(system.cat_file(path))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def gone(lease: dict[str, Any]) -> bool:
    """Whether the process that holds a lease was one of this machine, and has died."""
    pid = lease.get("pid")
    if lease.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    if pid == os.getpid():
        return True  # an earlier run of this process's
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@contextmanager
def repeated(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Does something every so often, in a thread, while the `with` statement lasts."""
    done = threading.Event()

    def go() -> None:
        while not done.wait(seconds):
            do()

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
