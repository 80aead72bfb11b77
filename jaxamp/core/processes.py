"""Several processes of one run: who they are, how they agree, how they notice a loss.

What every process computes alike needs no word. What a clock, a disk or a signal says
may differ between them, so one says it for all. They talk through the small service
that `jax.distributed` runs in the first process, not through their devices: a message
then needs no compiled program, may take as long as it takes, and fails in words.

Every process shows the others every other second that it is alive. One that is silent
for half a minute is gone; so is one that says that it leaves. Collective operations
would wait for it for ever on an accelerator, so the others then end themselves.
"""

import contextlib
import ctypes
import dataclasses
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from jaxamp.core.errors import ConfigError, RunError

BEAT_SECONDS = 2.0
"""How often a process shows that it is alive, and looks at the others."""

LOST_SECONDS = 30.0
"""Silence after which a process counts as gone."""

JOIN_SECONDS = 300
"""How long processes wait for each other to begin."""

POLL_MILLISECONDS = 500
"""How long one look for a message lasts; in between, signals are heard."""

LINGER_SECONDS = 5.0
"""How long the first process, which carries the messages, stays for the others."""

PIECE = 1 << 20
"""Bytes of one message; the service takes up to 4 MiB."""

GIVEN = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
"""Environment variables that say where the first process is (host:port), how many
there are, and which this one is, counted from 0."""

CLUSTERS = ("gcetpu", "gketpu", "slurm", "ompi")
"""Where JAX finds out by itself, by its own names: TPU pods, Slurm, Open MPI."""

Value = TypeVar("Value")


class LostProcessError(RunError):
    """Another process of the run is gone."""


class Crew:
    """The processes of a run, of which this is one; here, the only one."""

    index = 0
    count = 1
    stopping = False
    """Whether any process was asked to stop."""

    @property
    def leads(self) -> bool:
        """Whether this process speaks, and writes files, for all."""
        return self.index == 0

    def first(self, say: Callable[[], Value]) -> Value:
        """What the first process says, JSON-able; only there is it computed."""
        return say()

    def first_arrays(
        self, say: Callable[[], Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        """The same of arrays."""
        return say()

    def gathered(self, value: Value) -> list[Value]:
        """What each process says, JSON-able, in their order."""
        return [value]

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        return any(self.gathered(flag))

    def by_first(self, work: Callable[[], Value]) -> Value:
        """The result of work that the first process does for all, JSON-able.

        Raises:
            RunError: It failed there; the first process raises what it was.
        """
        return work()

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """While this lasts, it does not matter whether the others live."""
        yield

    def stop(self) -> None:
        """Asks the others to stop at their next opportunity."""

    def close(self) -> None:
        """Parts from the others, all being done."""

    def leave(self, status: int, reason: str) -> None:
        """Ends this process if others must be told; returns where there are none."""


ALONE = Crew()


class Together(Crew):
    """Several processes, by way of the service that JAX's `State` holds."""

    def __init__(self, service: Any, index: int, count: int):
        self.service, self.client = service, service.client
        self.index, self.count = index, count
        self.messages, self.read = 0, []
        self.busy = False
        self.done = threading.Event()
        self.watch = threading.Thread(target=self.keep_watch, daemon=True)
        self.watch.start()

    def first(self, say: Callable[[], Value]) -> Value:
        place = self.place()
        if self.leads:
            value = say()
            self.put(f"{place}/0", json.dumps(value).encode())
            return value
        return json.loads(self.wait(f"{place}/0"))

    def first_arrays(
        self, say: Callable[[], Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        place = self.place()
        if self.leads:
            arrays, file = say(), io.BytesIO()
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
            data = file.getvalue()
            pieces = range(0, len(data), PIECE)
            for number, start in enumerate(pieces):
                self.put(f"{place}/{number}", data[start : start + PIECE])
            self.put(f"{place}/size", str(len(pieces)).encode())
            return arrays
        size = int(self.wait(f"{place}/size"))
        data = b"".join(self.wait(f"{place}/{number}") for number in range(size))
        with np.load(io.BytesIO(data)) as stored:
            return dict(stored)

    def gathered(self, value: Value) -> list[Value]:
        place = self.place()
        self.put(f"{place}/{self.index}", json.dumps(value).encode())
        said = [self.wait(f"{place}/{i}") for i in range(self.count)]
        self.forget(place)
        return [json.loads(one) for one in said]

    def by_first(self, work: Callable[[], Value]) -> Value:
        failed: list[Exception] = []

        def attempt() -> dict[str, Any]:
            try:
                with self.apart():
                    return {"result": work()}
            except Exception as error:
                failed.append(error)
                return {"failed": str(error) or type(error).__name__}

        told = self.first(attempt)
        if failed:
            raise failed[0]
        if "failed" in told:
            raise RunError(told["failed"])
        return told["result"]

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def stop(self) -> None:
        self.stopping = True
        with contextlib.suppress(Exception):  # the watch finds out what is wrong
            self.put("stop", b"1", again=True)

    def close(self) -> None:
        self.gathered(None)
        self.done.set()
        self.watch.join()
        self.service.shutdown()

    def leave(self, status: int, reason: str) -> NoReturn:
        self.done.set()
        with contextlib.suppress(Exception):
            self.put(f"left/{self.index}", reason.encode(), again=True)
            if self.leads:
                self.wait_for_others()
        quit_now(status)

    def wait_for_others(self) -> None:
        """Lets the others read why the first process leaves; it takes the service."""
        begin = time.monotonic()
        while time.monotonic() - begin < LINGER_SECONDS:
            if len(self.all_of("left")) >= self.count:
                return
            time.sleep(POLL_MILLISECONDS / 1000)

    def place(self) -> str:
        """Where the next message lies: all processes count alike."""
        self.messages += 1
        self.read.append(str(self.messages))
        return f"said/{self.messages}"

    def forget(self, place: str) -> None:
        """Deletes all messages before this one, which all have answered."""
        *old, last = self.read
        self.read = [last]
        if self.leads:
            for number in old:
                self.client.key_value_delete(f"jaxamp/said/{number}/")

    def put(self, key: str, value: bytes, again: bool = False) -> None:
        """Says something under a key, for all to hear."""
        try:
            self.client.key_value_set_bytes(f"jaxamp/{key}", value, again)
        except Exception as error:
            raise LostProcessError(gone(["the first process"], error)) from error

    def wait(self, key: str) -> bytes:
        """What is said under a key, once it is; who vanishes meanwhile, the watch sees.

        Raises:
            LostProcessError: The service is gone, and so is the first process.
        """
        while True:
            try:
                return self.client.blocking_key_value_get_bytes(
                    f"jaxamp/{key}", POLL_MILLISECONDS
                )
            except Exception as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    said = gone(["the first process"], error)
                    raise LostProcessError(said) from error

    def all_of(self, folder: str) -> dict[int, bytes]:
        """Everything said in a folder, by process."""
        said = self.client.key_value_dir_get_bytes(f"jaxamp/{folder}/")
        return {int(key.rsplit("/", 1)[1]): value for key, value in said}

    def keep_watch(self) -> None:
        """Shows that this process lives, and ends it when another does not."""
        now = time.monotonic()
        changed = {i: (b"", now) for i in range(self.count) if i != self.index}
        beats = 0
        while not self.done.wait(BEAT_SECONDS):
            beats += 1
            try:
                self.put(f"alive/{self.index}", str(beats).encode(), again=True)
                alive, left = self.all_of("alive"), self.all_of("left")
                self.stopping = self.stopping or bool(self.said("stop"))
            except Exception as error:
                if not self.done.is_set():
                    end(gone(["the first process"], error))
                return
            now = time.monotonic()
            if self.busy:
                left = {}
                changed = {i: (was, now) for i, (was, _) in changed.items()}
            for i, (before, _) in changed.items():
                if alive.get(i, b"") != before:
                    changed[i] = (alive[i], now)
            if left:
                end(departed(left))
            silent = [
                i for i, (_, when) in changed.items() if now - when > LOST_SECONDS
            ]
            if silent and not self.done.is_set():
                end(gone([f"process {i}" for i in silent]))

    def said(self, key: str) -> bytes | None:
        """What is under a key now."""
        try:
            return self.client.key_value_try_get_bytes(f"jaxamp/{key}")
        except Exception as error:
            if "NOT_FOUND" in str(error):
                return None
            raise


def gone(who: Sequence[str], error: Exception | None = None) -> str:
    """What to say when processes have vanished."""
    because = f" ({str(error).splitlines()[0][:200]})" if error else ""
    verb = "is" if len(who) == 1 else "are"
    return (
        f"Of the processes of this run, {', '.join(who)} {verb} gone{because}, so this "
        "one stops. What was learned up to the last checkpoint is kept; start all "
        "processes again, in the same folder, to go on."
    )


def departed(left: Mapping[int, bytes]) -> str:
    """What to say when processes have said why they leave."""
    whys = [f"process {i} has stopped: {why.decode()}" for i, why in left.items()]
    return f"This process stops, because {' '.join(whys)}"


def end(message: str) -> NoReturn:
    """Says why and ends the process, whatever its other threads wait for."""
    print(f"jaxamp: {message}", file=sys.stderr, flush=True)
    quit_now(2)


def quit_now(status: int) -> NoReturn:
    """Ends the process without JAX's farewell, which waits for those that are gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


@dataclasses.dataclass(frozen=True)
class Post:
    """Where the processes of a run meet, and which of them this one is."""

    address: str
    """Of the first process, host:port."""
    count: int
    index: int
    devices: Sequence[int] | None = None
    """The accelerators of the machine that are this process's; None for all."""


def found(environment: Mapping[str, str]) -> Post | None:
    """The other processes, as the environment names them or a cluster has them.

    Raises:
        ConfigError: The environment names them in part, or wrongly.
    """
    given = {name: environment[name] for name in GIVEN if environment.get(name)}
    if len(given) == len(GIVEN):
        return named(*given.values())
    found = detected()
    if found is None and given:
        missing = [name for name in GIVEN if name not in given]
        raise ConfigError(
            f"{', '.join(given)} is set, but {', '.join(missing)} is not. Set "
            f"{GIVEN[0]} to the host:port of the first process, {GIVEN[1]} to how many "
            f"there are and {GIVEN[2]} to the number of this one, counted from 0; or "
            "none of them."
        )
    return found


def named(address: str, count: str, index: str) -> Post:
    """The processes as three environment variables name them."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ConfigError(
            f"{GIVEN[0]}={address!r} must be the host and port of the first process, "
            "for example 10.0.0.1:8476."
        )
    if not (count.isdecimal() and index.isdecimal() and 0 <= int(index) < int(count)):
        raise ConfigError(
            f"{GIVEN[1]}={count!r} and {GIVEN[2]}={index!r} must be how many processes "
            "there are and which this one is: a number from 0 to one less."
        )
    return Post(address, int(count), int(index))


def detected() -> Post | None:
    """The processes of a TPU pod, a Slurm step or an `mpirun`, as JAX finds them."""
    from jax._src import clusters  # noqa: PLC0415

    known = clusters.ClusterEnv._cluster_types
    if not any(env.name in CLUSTERS and env.is_env_present() for env in known):
        return None
    detect = clusters.ClusterEnv.auto_detect_unset_distributed_params
    address, count, index, devices = detect(None, None, None, None, None, JOIN_SECONDS)
    if address is None or count is None or index is None:
        return None
    return Post(address, count, index, devices)


def join(post: Post, *, one_program: bool) -> Together:
    """Meets the other processes.

    Args:
        one_program: Whether the devices of all are those of one program, as JAX then
            believes; otherwise JAX knows of nobody, and they only talk.

    Raises:
        RunError: They do not meet.
    """
    import jax  # noqa: PLC0415
    from jax._src import distributed  # noqa: PLC0415

    jax.config.update("jax_enable_preemption_service", False)  # signals are ours
    state = distributed.global_state if one_program else distributed.State()
    try:
        with last_words():
            state.initialize(
                post.address,
                post.count,
                post.index,
                post.devices,
                cluster_detection_method="deactivate",
                initialization_timeout=JOIN_SECONDS,
                shutdown_timeout_seconds=int(LOST_SECONDS),
            )
    except RuntimeError as error:
        raise RunError(
            f"The {post.count} processes of this run did not meet at {post.address}: "
            f"{str(error).splitlines()[0]} Start all of them, with the same address, "
            "each with a number of its own."
        ) from error
    return Together(state, post.index, post.count)


@contextlib.contextmanager
def last_words() -> Iterator[None]:
    """Has the client made meanwhile end this process in our words, when it must.

    When the first process and its service vanish, the client aborts the process, with
    a list of C++ functions. A callback it has instead for that; up to jaxlib 0.10 it
    cannot hand over its reason in Python and aborts at that, so an abort speaks, too.
    """
    from jax._src.lib import _jax  # noqa: PLC0415 # pyright: ignore

    make = _jax.get_distributed_runtime_client

    def lost(status: Any) -> None:
        del status
        end(gone(["the first process"]))

    def made(*args: Any, **options: Any) -> Any:
        return make(*args, missed_heartbeat_callback=lost, **options)

    speak_at_abort()
    _jax.get_distributed_runtime_client = made
    try:
        yield
    finally:
        _jax.get_distributed_runtime_client = make


def speak_at_abort() -> None:
    """Has an abort, which is raised in C++, say in words what it means here.

    Python's own handlers come too late for that: they run when C++ returns.
    """
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(
        lambda number: end(gone(["the first process"]))
    )
    kept.append(handler)
    if os.name == "posix":
        ctypes.CDLL(None).signal(int(signal.SIGABRT), handler)


kept: list[Any] = []
"""What C holds on to and Python must not collect."""
