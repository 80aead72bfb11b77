"""Notes when the machine itself stood still: a thread before all others, that sleeps.

    python stalls.py FILE

Every millisecond it looks at the clock, until there is a FILE.end. Who wakes up much
later than it asked, with the highest priority, had no processor: a virtual machine's
host was elsewhere.
"""

import json
import os
import sys
import time

TICK = 0.001
LATE = 0.0005
"""Seconds by which waking up is worth a note."""

MOST = 10_000


def main(file):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(95))
    before, stalls = time.monotonic(), []
    while os.getppid() != 1 and not os.path.exists(f"{file}.end"):
        time.sleep(TICK)
        now = time.monotonic()
        if now - before > TICK + LATE and len(stalls) < MOST:
            stalls.append((now, 1000 * (now - before - TICK)))
        before = now
    with open(file, "w") as out:
        json.dump(stalls, out)


if __name__ == "__main__":
    main(sys.argv[1])
