"""Ctrl-C and SIGTERM: first a question that is asked at the next chance, then an end.

Python hears a signal between two of its own instructions, and a compiled call, a
compilation or a long validation is one instruction. A machine that is taken away
(preemption) or a scheduler allows ten seconds. So a thread hears the signals as well;
where the rest of the program has not ended in time, it keeps what there is to keep and
ends the process.
"""

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from jaxamp.core.processes import ALONE, Crew

GRACE_SECONDS = 5.0
"""From SIGTERM until the thread acts; calls last about four (see `train.progress`)."""

LAST_SECONDS = 2.5
"""What is left then for saving, and after a second Ctrl-C for everything."""

ENDINGS = [
    signal.SIGTERM,
    *(getattr(signal, n) for n in ("SIGHUP",) if hasattr(signal, n)),
]
"""What asks a program to end; the second where terminals are."""

INTERRUPTED = 130
"""The exit status."""

OVER = 0
"""Told to the thread when there is nothing left to watch."""


class Watch:
    """The thread, and what it is to keep when it must end the process.

    Args:
        ears: Where the numbers of signals arrive, one byte each.
    """

    def __init__(self, ears: socket.socket):
        self.ears = ears
        self.saves: Sequence[Callable[[], None]] = ()
        self.deliver: Callable[[], None] = lambda: None
        self.thread = threading.Thread(target=self.listen, daemon=True)

    def rescue(self, saves: Sequence[Callable[[], None]]) -> None:
        """From now on, this is what keeps everything learned."""
        self.saves = tuple(saves)

    def carry(self, deliver: Callable[[], None]) -> None:
        """From now on, this brings what is kept to where it belongs; for any thread."""
        self.deliver = deliver

    def listen(self) -> None:
        """Waits for signals, and then for the end of the grace."""
        limit, interrupts = float("inf"), 0
        while True:
            left = limit - time.monotonic()
            wait = None if limit == float("inf") else max(0.0, left)
            if not select.select([self.ears], [], [], wait)[0]:
                self.end()
            for number in self.ears.recv(64):
                interrupts += number == signal.SIGINT
                if number == OVER:
                    return
                if number == signal.SIGTERM:
                    limit = min(limit, time.monotonic() + GRACE_SECONDS)
                if number == signal.SIGINT and interrupts > 1:
                    limit = min(limit, time.monotonic() + LAST_SECONDS)

    def end(self) -> None:
        """Keeps what there is to keep, says so and ends the process, come what may."""
        killer = threading.Timer(LAST_SECONDS, os._exit, (INTERRUPTED,))
        killer.daemon = True
        killer.start()
        with suppress(OSError, ValueError):
            print(f"jaxamp: {self.last_words()}", file=sys.stderr, flush=True)
            if sys.stdout.isatty():
                print("\x1b[?25h", end="")  # a progress bar hides the cursor
            sys.stdout.flush()
        os._exit(INTERRUPTED)

    def last_words(self) -> str:
        """Saves, and says what became of it."""
        again = "The same command goes on."
        try:
            for save in self.saves:
                save()
            self.deliver()
        except Exception as error:
            return f"Stopped at once, and the last steps could not be kept: {error}"
        if self.saves:
            return (
                "Stopped in the middle of what could not wait. All steps are kept but "
                f"those of the call that was under way. {again}"
            )
        return (
            "Stopped in the middle of what could not wait; nothing that was learned is "
            f"lost. {again}"
        )


CURRENT: ContextVar[Watch | None] = ContextVar("CURRENT", default=None)
"""The watch of this process, if there is one."""


@contextmanager
def watched() -> Iterator[Watch]:
    """Ends the process where a signal is not heeded in time; one watch for all."""
    there = CURRENT.get()
    if there is not None:
        yield there
        return
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)
    watch = Watch(ears)
    try:
        before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    except ValueError:  # not the main thread: someone else handles signals
        ears.close()
        mouth.close()
        yield watch
        return
    token = CURRENT.set(watch)
    watch.thread.start()
    try:
        yield watch
    finally:
        CURRENT.reset(token)
        signal.set_wakeup_fd(before)
        mouth.send(bytes([OVER]))
        watch.thread.join()
        ears.close()
        mouth.close()


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """Makes SIGTERM, and the end of the terminal, a Ctrl-C.

    Only where nobody else has made it something, as nohup does.
    """

    def interrupt(number: int, frame: Any) -> None:
        del number, frame
        raise KeyboardInterrupt

    mine = []
    with suppress(ValueError):  # not the main thread
        for number in ENDINGS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, interrupt)
                mine.append(number)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interruptible(crew: Crew = ALONE) -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C or SIGTERM into a question the loop asks.

    The second Ctrl-C interrupts at once. What one process hears, all stop for.
    """
    heard: list[int] = []

    def asked() -> bool:
        if heard and not crew.stopping:
            crew.stop()
        return bool(heard) or crew.stopping

    def note(number: int, frame: Any) -> None:
        del frame
        if heard and number == signal.SIGINT:
            raise KeyboardInterrupt
        heard.append(number)
        print("Stopping after this call …", file=sys.stderr, flush=True)

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, note) for number in numbers]
    except ValueError:  # not the main thread: someone else handles signals
        yield lambda: False
        return
    try:
        yield asked
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
