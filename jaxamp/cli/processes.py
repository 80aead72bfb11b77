"""`train.devices` and `train.processes`: meeting other processes and parting from them.

They are met once, before JAX is first used, and parted from when the command ends. A
process whose part fails by itself must not go on to anything else: the others wait for
it in the middle of a step. So it says why, and leaves at once.
"""

import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from jaxamp.cli.main import (
    INTERRUPTED,
    Stopped,
    complain,
    is_mistake,
    said,
)
from jaxamp.core import ConfigError
from jaxamp.core.processes import (
    ALONE,
    BEAT_SECONDS,
    GIVEN,
    Crew,
    found,
    join,
)

MOST_CORES = 8
"""Cores of a CPU that train.devices=auto deals a batch out to, as each is given the
recordings."""

met: list[Crew] = []
"""The others, once they are met; they cannot be met twice."""


def joined(train: Any, *, one_program: bool = True) -> Crew:
    """The processes that train together, met if there are others.

    Args:
        train: The train group; what is wrong with it, `assemble` says later.
        one_program: As for `join`.

    Raises:
        ConfigError: There are not as many as `train.processes` asks for.
        RunError: They do not meet.
    """
    group = train if isinstance(train, Mapping) else {}
    devices, wanted = group.get("devices"), group.get("processes")
    if met:
        return met[0]
    if wanted == 1 or not isinstance(wanted, int | str):
        return alone(devices, one_program)
    post = found(os.environ)
    count = post.count if post else 1
    if isinstance(wanted, int) and wanted != count:
        raise ConfigError(
            f"train.processes={wanted}, but there {'are' if count > 1 else 'is'} "
            f"{count}. Start the command in a Slurm step or on a TPU pod of so many, "
            f"or so many times with {', '.join(GIVEN)} set; or use "
            "train.processes=auto."
        )
    if post is None or count == 1:
        return alone(devices, one_program)
    make_devices(devices, 1)
    met.append(join(post, one_program=one_program))
    return met[0]


def alone(devices: Any, one_program: bool) -> Crew:
    """This process alone, with the cores of its CPU as its devices."""
    from jaxamp.train import cores  # noqa: PLC0415 (imports JAX)

    make_devices(devices, min(cores(), MOST_CORES) if one_program else cores())
    return ALONE


def make_devices(devices: Any, auto: int) -> None:
    """Makes the devices of `train.devices` of a CPU; `auto` stands for so many."""
    from jaxamp.train import use_devices  # noqa: PLC0415 (imports JAX)

    if devices == "auto" or isinstance(devices, int):
        use_devices(auto if devices == "auto" else devices)


def refuse_others(what: str) -> None:
    """Raises where there are several processes, each of which would do the same."""
    post = found(os.environ)
    if post is not None and post.count > 1:
        raise ConfigError(
            f"{what} cannot be shared by the {post.count} processes of this run. Use "
            "hydra/launcher=population, or train.processes=1 for each to be alone."
        )


@contextmanager
def parting() -> Iterator[None]:
    """Parts from the processes that were met meanwhile, however that ended."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Stopped) and met:
            met.pop().close()  # all have stopped
        if met:
            part(met[0], error)
        raise
    if met:
        met.pop().close()


def part(crew: Crew, error: BaseException) -> NoReturn:
    """Ends this process for an error; the others hear of it and end, too."""
    status, message = told(error)
    if broken(error):
        time.sleep(
            2 * BEAT_SECONDS
        )  # who was left may have said why: the watch ends us
    complain(message)
    crew.leave(status, message)
    raise error


def told(error: BaseException) -> tuple[int, str]:
    """Exit status and words for an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "Interrupted."
    if isinstance(error, Exception) and is_mistake(error):
        return 2, said(error)
    if broken(error):
        first = str(error).splitlines()[0][:200]
        return 2, (
            "The connection to another process of this run broke while they added up "
            f"({first}), so this one stops. What was learned up to the last checkpoint "
            "is kept; start all processes again, in the same folder, to go on."
        )
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    return 1, (
        f"jaxamp failed unexpectedly: {type(error).__name__}: {error}. This is a fault "
        "of the program; run it again with --debug for the traceback."
    )


def broken(error: BaseException) -> bool:
    """Whether devices could not reach each other."""
    import jax  # noqa: PLC0415

    words = ("gloo", "nccl", "connection", "peer", "unavailable", "coordination")
    return isinstance(error, jax.errors.JaxRuntimeError) and any(
        word in str(error).lower() for word in words
    )
