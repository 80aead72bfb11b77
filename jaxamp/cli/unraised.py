"""What was raised where nobody can be told, as in a callback: heard again, or let be.

Python drops such an exception and prints its traceback.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_SECONDS = 0.01
"""From an interruption that was dropped to the next."""

TOO_LATE = "Event loop is closed"
"""What Orbax's loop says to TensorStore's other answers once one of them was a failure,
which was told of; nobody waits for them any more."""


@contextmanager
def heard() -> Iterator[None]:
    """A dropped interruption comes again; answers that come too late do not."""

    def told(fault: Any) -> None:
        if fault.exc_type is KeyboardInterrupt:
            again = threading.Timer(AGAIN_SECONDS, interrupt_main)
            again.daemon = True
            again.start()
        elif not (fault.exc_type is RuntimeError and str(fault.exc_value) == TOO_LATE):
            before(fault)

    before = sys.unraisablehook
    sys.unraisablehook = told
    try:
        yield
    finally:
        sys.unraisablehook = before


def interrupt_main() -> None:
    """A SIGTERM for the main thread, which may be asleep.

    Not Ctrl-C's own signal, to which a program in the background is deaf.
    """
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
