"""What happens in an audio callback, counted: no file, no lock, no compilation.

The callback runs in a thread of the sound system. It has to share Python with the
thread that reads keys and writes files, which therefore does little and often.
"""

import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from jaxamp.stream.live.blocks import Blocks
from jaxamp.stream.live.meters import Times
from jaxamp.stream.live.urgent import PRIORITY, become_urgent, urgent

KEPT_SECONDS = 30
"""Of a recording that is not written yet; what comes then is lost."""

SWITCH_SECONDS = 2e-4
"""After which a thread of Python lets another one run; 5 ms is usual."""

MOST_TIMES = 100
"""Of dropouts that are remembered one by one."""

FLAGS = ("input_overflow", "input_underflow", "output_overflow", "output_underflow")


class Session:
    """Plays what comes in, by a function of blocks, and counts what goes wrong.

    Args:
        play: Answers `[block]` with `[block]`, float32.
        channel: Of the input that is heard, counted from 0.
        record: Whether what was heard and played is kept for `recorded`.
    """

    def __init__(
        self,
        play: Callable[[np.ndarray], np.ndarray],
        *,
        block: int,
        sample_rate: int,
        channel: int = 0,
        record: bool = False,
    ):
        self.sample_rate, self.channel = sample_rate, channel
        self.times = Times(1e9 * block / sample_rate)
        self.flagged: dict[str, int] = dict.fromkeys(FLAGS, 0)
        self.dropouts = 0
        """Calls before which the sound system lost something.

        A call that took longer than its block lasts is none by itself: where the sound
        system holds more than a block, nothing is lost. `times.late` counts them.
        """
        self.when: list[float] = []
        """Seconds of sound before each of the first dropouts."""
        self.urgent = False
        """Whether the thread that plays goes before other programs."""
        self.frames = 0
        self.lost = 0
        """Samples missing from the recording."""
        self.error: BaseException | None = None
        self.stuck = False
        """Whether the sound system did not end the stream when it was told to."""
        self._blocks = Blocks(play, block)
        self._record = record
        self._kept: deque[tuple[np.ndarray, np.ndarray]] = deque()
        self._most = KEPT_SECONDS * sample_rate // block

    @property
    def lag(self) -> int:
        """Samples added because the host asked for odd numbers of them."""
        return self._blocks.lag

    def call(self, heard: np.ndarray, played: np.ndarray, status: Any) -> None:
        """One callback.

        Shapes:
            heard `[t, channels]`, played `[t, channels]`, which is filled.
        """
        begin = time.perf_counter_ns()
        if not self.times.blocks:
            self.urgent = become_urgent(priority=PRIORITY + 1)  # before all of ours
        x = np.array(heard[:, self.channel], np.float32)
        y = self._blocks(x)
        played[:] = y[:, None]
        self.frames += x.size
        if self._record:
            self._keep(x, y)
        self.times.add(time.perf_counter_ns() - begin)
        if status and self._flag(status):
            self.dropouts += 1
            if len(self.when) < MOST_TIMES:
                self.when.append((self.frames - x.size) / self.sample_rate)

    def _keep(self, x: np.ndarray, y: np.ndarray) -> None:
        if len(self._kept) >= self._most:
            self.lost += x.size
        else:
            self._kept.append((x, y))

    def _flag(self, status: Any) -> bool:
        """Counts what the sound system says; whether it lost anything."""
        told = [flag for flag in FLAGS if getattr(status, flag)]
        for flag in told:
            self.flagged[flag] += 1
        return bool(told)

    def recorded(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What was heard and played since this was asked last; for another thread."""
        while self._kept:
            yield self._kept.popleft()


@contextmanager
def undisturbed() -> Iterator[None]:
    """No search for garbage, threads of Python that soon give way, nobody before us."""
    collected, interval = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with urgent():
            yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        if collected:
            gc.enable()
