"""Processes that read or play one file after the other, and are watched meanwhile."""

import json
import multiprocessing
import resource
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

BACKSTOP = 4 << 30
"""Bytes beyond the start at which a process is ended, to spare the machine."""

LOOK_EVERY = 0.2
"""Seconds between two looks at a process that has not answered."""


class Outcome(NamedTuple):
    """What became of one file."""

    kind: str
    """read, refused, crashed or hung"""
    message: str
    seconds: float
    peak: int
    """Bytes of resident memory beyond what the process had before its first file."""


class Worker:
    """A process that is replaced once it has died, hung or grown too large."""

    def __init__(self, task: Any, format: str, seconds: float, limit: int):
        self._task, self._format = task, format
        self._seconds, self._limit = seconds, limit
        self._process: Any = None

    def __call__(self, path: Path) -> Outcome:
        """What becomes of a file, whatever it does to the process."""
        if self._process is None:
            self._start()
        began = time.monotonic()
        self._ours.send(str(path))
        kind, message, peak = self._wait(began)
        if kind in ("hung", "crashed") or peak > self._limit:
            self.stop()
        return Outcome(kind, message, time.monotonic() - began, peak)

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, self._task, self._format)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._base = self._ours.recv()

    def _wait(self, began: float) -> tuple[str, str, int]:
        peak = 0
        try:
            while not self._ours.poll(LOOK_EVERY):
                peak = peak_memory(self._process.pid) - self._base
                if peak > BACKSTOP:
                    return "crashed", "ended before it filled the machine", peak
                if time.monotonic() - began > self._seconds:
                    return "hung", f"no answer in {self._seconds:g} s", peak
            return self._ours.recv()
        except (EOFError, OSError):
            self._process.join()
            return "crashed", f"died with status {self._process.exitcode}", peak


def serve(connection: Connection, task: Any, format: str) -> None:
    """Does its task with each path it is sent."""
    warnings.simplefilter("ignore")
    do = task()
    base = peak_memory()
    connection.send(base)
    while True:
        path = connection.recv()
        kind, message = attempt(do, path, format)
        connection.send((kind, message, peak_memory() - base))


def attempt(do: Any, path: str, format: str) -> tuple[str, str]:
    """read, refused with what words, or crashed with what trace."""
    from jaxamp.core import ConfigError, FormatError  # noqa: PLC0415

    try:
        do(path, format)
    except (FormatError, ConfigError) as problem:
        return "refused", str(problem)
    except BaseException:  # whatever it is, it is the finding
        return "crashed", traceback.format_exc()
    return "read", ""


def reader() -> Any:
    """Reads a file, without JAX."""
    import sys  # noqa: PLC0415

    from jaxamp.formats import read  # noqa: PLC0415

    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (in_use + BACKSTOP, in_use + BACKSTOP))

    def do(path: str, format: str) -> None:
        model, _, metadata = read(path, format=format)
        json.dumps([dict(model.hyperparameters), metadata])
        assert "jax" not in sys.modules, "reading a file has imported JAX"

    return do


def player() -> Any:
    """Plays a few samples through a file."""
    import numpy as np  # noqa: PLC0415

    import jaxamp  # noqa: PLC0415
    from jaxamp.formats import read  # noqa: PLC0415

    x = np.linspace(-0.5, 0.5, 64, dtype=np.float32)
    jaxamp.process  # noqa: B018 (imports JAX)

    def do(path: str, format: str) -> None:
        model, params, _ = read(path, format=format)
        assert jaxamp.process(model, params, x, block=64).shape == x.shape

    return do


def peak_memory(process: int | str = "self") -> int:
    """The most memory a process has had in use, in bytes."""
    text = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10
