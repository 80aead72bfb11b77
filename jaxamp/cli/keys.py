"""Keys, read from the terminal while something else goes on."""

import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Pressed = Callable[[float], str]
"""Waits so many seconds at most -> the keys that were pressed, often none."""


@contextmanager
def keyboard() -> Iterator[Pressed]:
    """Keys at once and not shown, as long as this lasts; none without a terminal."""
    if not sys.stdin.isatty():
        yield no_keys
    elif sys.platform == "win32":
        yield windows_keys
    else:
        with unbuffered() as pressed:
            yield pressed


def no_keys(seconds: float) -> str:
    """Nobody is there to press any."""
    time.sleep(seconds)
    return ""


def windows_keys(seconds: float) -> str:
    """What was pressed by the end of the wait."""
    import msvcrt  # noqa: PLC0415 (there on Windows alone)

    time.sleep(seconds)
    keys = ""
    while msvcrt.kbhit():  # pyright: ignore[reportAttributeAccessIssue]
        keys += msvcrt.getwch()  # pyright: ignore[reportAttributeAccessIssue]
    return keys


def letters(keys: str) -> str:
    """What was typed without arrows, function keys and the like.

    Terminals send those as an escape and letters that would be taken for other keys.
    """
    return re.sub("\x1b(\\[[0-9;]*[ -/]*[@-~]|O.|.?)", "", keys)


@contextmanager
def unbuffered() -> Iterator[Pressed]:
    """The terminal gives letters as they are typed; Ctrl-C stays what it is."""
    import os  # noqa: PLC0415
    import termios  # noqa: PLC0415 (there where there are terminals)
    import tty  # noqa: PLC0415

    file = sys.stdin.fileno()

    def pressed(seconds: float) -> str:
        if not select.select([file], [], [], seconds)[0]:
            return ""
        keys = os.read(file, 64)
        if not keys:  # the terminal is gone: do not ask it again at once
            time.sleep(seconds)
        return letters(keys.decode(errors="ignore"))

    before = termios.tcgetattr(file)
    tty.setcbreak(file)
    try:
        yield pressed
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
