"""The machine a benchmark runs on: which cores it may use, and what else was going on.

Both sides of a comparison get the same cores: the affinity is set before any library
counts the processors, and the peer's process inherits it.
"""

import datetime
import os
import platform
import sys
import time
from pathlib import Path


def pin(cores):
    """Gives this process and its children `cores` cores, starting it again if needed.

    Libraries size their thread pools by the cores they see when they are imported,
    so the process is replaced by itself with the affinity already set.
    """
    if not hasattr(os, "sched_setaffinity"):
        print(f"No affinity on {sys.platform}: threads are not limited to {cores}.")
        return
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < cores:
        raise SystemExit(
            f"--cores {cores} was asked for, but this process may use {len(allowed)}. "
            f"Ask for at most {len(allowed)}."
        )
    if len(allowed) > cores:
        os.sched_setaffinity(0, allowed[:cores])
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def described(cores):
    """What a reader needs to know of the machine to believe a number."""
    return {
        "processor": processor(),
        "cores": cores,
        "cores_in_the_machine": os.cpu_count(),
        "memory_gib": round(memory_gib(), 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": load(),
    }


def processor():
    """The processor's name, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_gib():
    """All memory of the machine, in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def load():
    """Load averages over 1, 5 and 15 minutes."""
    return [round(number, 2) for number in os.getloadavg()]


class Others:
    """How many cores other processes kept busy since this was made, on average."""

    def __init__(self):
        self.begun = time.monotonic()
        self.before = others_seconds()

    def cores(self):
        """The number, or None where the system does not tell."""
        if self.before is None:
            return None
        seconds = others_seconds() - self.before
        return round(max(0.0, seconds) / (time.monotonic() - self.begun), 2)


def others_seconds():
    """Core seconds of all processes but this one and its ended children."""
    file = Path("/proc/stat")
    if not file.is_file():
        return None
    user, nice, system, _idle, _wait, *interrupts = map(
        int, file.read_text().splitlines()[0].split()[1:9]
    )
    everybody = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
    return everybody - sum(os.times()[:4])


def now():
    """The time of day, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
