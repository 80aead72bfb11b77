"""`jaxamp COMMAND …`: finds the command, runs it, and says mistakes in plain words.

Exit status: 0 done, 2 a mistake in what was given (nothing was written), 130
interrupted, 1 a fault of the program itself.
"""

import errno
import gc
import importlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from jaxamp.cli import unraised
from jaxamp.cli.stopping import INTERRUPTED, termination_interrupts, watched
from jaxamp.core.cloud import named
from jaxamp.core.compile_cache import use_compile_cache
from jaxamp.core.errors import CloudError, ConfigError, JaxampError
from jaxamp.core.shown import paragraph

COMMANDS = {
    "train": "train a model; without arguments, on the built-in demo capture",
    "reamp": "play a file through a model",
    "live": "play through models as you play",
    "evaluate": "measure a model on a recording",
    "report": "write a page on a run: hear it, see it, and how good it is",
    "compare": "compare runs: size, speed and ESR of every model",
    "export": "write a model as a player's file",
    "info": "describe a model",
    "signal": "write the capture signal, to play through an amp",
    "plan": "say which settings of an amp's knobs to record",
    "check": "look for faults in a recording, before training on it",
    "completion": "print what makes a shell complete these commands",
}


class Stopped(KeyboardInterrupt):
    """An interruption that the user was told of, with what was learned kept."""


FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""No room left: on the disk, in one file, or for this user."""

OBJECTS_A_COLLECTION = 50_000
"""New objects after which Python looks for garbage. Tracing a training step makes
millions that stay, and looking at them every 700 takes a quarter of its time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if given[0] == "--version":
        from importlib.metadata import version  # noqa: PLC0415

        print(version("jaxamp"))
        return 0
    name, *rest = given
    if name not in COMMANDS:
        complain(
            f"There is no command {name!r}. Commands are: {', '.join(COMMANDS)}. "
            "`jaxamp --help` says what they do."
        )
        return 2
    warnings.formatwarning = told
    gc.set_threshold(OBJECTS_A_COLLECTION)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax thinks aloud
    try:
        with watched(), unraised.heard(), termination_interrupts():
            return importlib.import_module(f"jaxamp.cli.{name}").run(rest)
    except Stopped:
        return INTERRUPTED
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (JaxampError, OSError) as error:
        if debug:
            raise
        complain(said(error))
        return 2
    except MemoryError:
        if debug:
            raise
        complain("There is not enough memory for what was asked. Ask for less at once.")
        return 2
    except Exception as error:
        if debug:
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        complain(
            f"jaxamp failed unexpectedly: {type(error).__name__}: {error} (in "
            f"{last.name}). This is a fault of the program; run it again with --debug "
            "for the traceback."
        )
        return 1


def keep_compiled() -> None:
    """What is compiled from here on is kept for the next time; called by commands."""
    try:
        use_compile_cache()
    except (CloudError, ConfigError) as error:
        complain(f"warning: {error}")


def usage() -> str:
    """What `jaxamp --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "jaxamp learns guitar amps and pedals from recordings.",
            "",
            "usage: jaxamp COMMAND [arguments] [--debug]",
            "",
            *lines,
            "",
            "`jaxamp COMMAND --help` says more; --debug shows tracebacks.",
        ]
    )


def told(message: Warning | str, *place: Any, **more: Any) -> str:
    """A warning without the place in the program that it comes from."""
    del place, more
    return f"jaxamp: warning: {paragraph(message)}\n"


def complain(message: str) -> None:
    """One paragraph on stderr; what strangers' files put into it does nothing there."""
    print(f"jaxamp: {paragraph(named(message))}", file=sys.stderr)


def is_mistake(error: Exception) -> bool:
    """Whether the user can put it right, as opposed to a fault of the program."""
    return isinstance(error, JaxampError | OSError)


def said(error: Exception) -> str:
    """A mistake as a message for the user."""
    return in_words(error) if isinstance(error, OSError) else str(error)


def in_words(error: OSError) -> str:
    """What the operating system refused."""
    place = f" {error.filename!r}" if error.filename else ""
    if error.errno in FULL:
        return (
            f"The disk is full, so{place or ' a file'} could not be written. Free some "
            "space and start again: a run goes on from its last checkpoint."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Writing{place} is not permitted. Choose a folder you may write to."
    return f"{error.strerror or error}{':' if place else ''}{place}. Check the path."


if __name__ == "__main__":
    sys.exit(main())
