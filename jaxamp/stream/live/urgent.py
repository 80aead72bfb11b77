"""Threads that other programs do not hold up, where the system lets them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIORITY = 2
"""Real-time priority, above every ordinary program and below the sound system's own."""

THREADS = Path("/proc/self/task")


def become_urgent(thread: int = 0, priority: int = PRIORITY) -> bool:
    """Gives a thread a real-time priority, unless it has one; whether it has now.

    On Linux only, by number, 0 being this thread; macOS and Windows give it to the
    threads that play by themselves.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    kind = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        if is_ordinary(thread):
            os.sched_setscheduler(thread, kind, os.sched_param(priority))
    except OSError:
        return False
    return True


@contextmanager
def urgent() -> Iterator[None]:
    """All threads of this program are, as long as this lasts.

    The one that plays waits for others: XLA hands a third of a WaveNet's block to
    threads of its own, and whoever holds Python's lock has to give it up. Were one of
    them put aside for another program, the sound would wait for that too.
    """
    made = [thread for thread in ordinary() if become_urgent(thread)]
    try:
        yield
    finally:
        for thread in made:
            with suppress(OSError):  # it may have ended
                # Who is not root may leave real time, but not take this flag away.
                kind = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(thread, kind, os.sched_param(0))


def ordinary() -> list[int]:
    """The threads of this program that have no priority."""
    if not (THREADS.is_dir() and hasattr(os, "sched_getscheduler")):
        return []
    threads = []
    for place in THREADS.iterdir():
        with suppress(OSError):
            if is_ordinary(int(place.name)):
                threads.append(int(place.name))
    return threads


def is_ordinary(thread: int) -> bool:
    """Whether a thread has no priority, the flag left aside."""
    kind = os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK
    return kind == os.SCHED_OTHER
