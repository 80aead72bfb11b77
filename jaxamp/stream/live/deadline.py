"""Whether a computer is fast enough, measured before anything is heard."""

import math
import time
from collections.abc import Callable, Iterable

import numpy as np

from jaxamp.core import ConfigError
from jaxamp.stream.live.meters import Times
from jaxamp.stream.live.rig import CATCH_UP, Rig
from jaxamp.stream.live.voice import Voice

SHARE = 0.7
"""Of the time a block lasts, which all but one in a hundred must be done in."""

MEASURED_BLOCKS = 400

FIRST = 50
"""Blocks that are played before and not counted."""

Play = Callable[[np.ndarray], object]


def measured(
    play: Play,
    block: int,
    sample_rate: int,
    *,
    most_seconds: float = math.inf,
    clock: Callable[[], int] = time.perf_counter_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Times:
    """How long blocks of noise take, played at the pace of real ones.

    Between blocks the processor rests and its caches are others', as in real playing:
    back to back they would be faster.

    Args:
        most_seconds: After which no more blocks are played; one is counted at least.
    """
    times = Times(1e9 * block / sample_rate)
    noise = np.random.default_rng(0).normal(0.0, 0.1, (8, block)).astype(np.float32)
    end = clock() + 1e9 * most_seconds
    for turn in range(FIRST + MEASURED_BLOCKS):
        begin = clock()
        play(noise[turn % len(noise)])
        taken = clock() - begin
        over = begin + taken > end
        if turn >= FIRST or over:
            times.add(taken)
            sleep(max(0.0, (times.deadline - taken) / 1e9))
        if over:
            break
    return times


def share(times: Times) -> float:
    """Of the deadline, what all but one block in a hundred need."""
    return 1000 * times.quantile(0.99) / times.deadline


def hardest(rig: Rig) -> Play:
    """The most that a block can ask of a rig: a change between its slowest models.

    And where they have knobs, these are turned all the time.
    """
    if len(rig.voices) == 1:
        return stirred(rig.voices[0], rig.play)
    slowest = sorted(
        rig.voices, key=lambda voice: quickest(stirred(voice, voice.play), rig.block)
    )
    rig.start(voice=rig.voices.index(slowest[-1]))

    def play(x: np.ndarray) -> None:
        for voice in slowest[-2:]:
            voice.stir()
        slowest[-2].play(x)
        for _ in range(CATCH_UP):  # what the other has missed
            slowest[-1].play(x)
        rig.play(x)

    return play


def stirred(voice: Voice, play: Play) -> Play:
    """The same with the voice's knobs turned."""

    def stir(x: np.ndarray) -> None:
        voice.stir()
        play(x)

    return stir


def quickest(play: Play, block: int) -> int:
    """The shortest of some calls, nanoseconds."""
    x, times = np.zeros(block, np.float32), []
    for _ in range(20):
        begin = time.perf_counter_ns()
        play(x)
        times.append(time.perf_counter_ns() - begin)
    return min(times)


def refuse_late(
    times: Times,
    block: int,
    sample_rate: int,
    others: Iterable[int],
    measure: Callable[[int], Times],
) -> None:
    """Raises for what would drop out, with the block that would not.

    Args:
        times: Of blocks of this length.
        others: Longer blocks, of which the first that would do is named.
        measure: The same times of another length.

    Raises:
        ConfigError: More than the share of the deadline is needed.
    """
    if share(times) <= SHARE:
        return
    advice = "No longer block would do. Take"
    for other in others:
        needed = share(measure(other))
        if needed <= SHARE:
            advice = (
                f"--block {other} would do: {100 * needed:.0f} %, at "
                f"{1000 * other / sample_rate:.1f} ms a block. Or take"
            )
            break
    raise ConfigError(
        f"This computer is too slow for blocks of {block} samples: 99 of 100 are done "
        f"in {times.quantile(0.99) / 1000:.2f} ms, {100 * share(times):.0f} % of the "
        f"{times.deadline / 1e6:.2f} ms that they last, and {100 * SHARE:.0f} % is "
        f"allowed. {advice} a smaller model (wavenet/nano and lstm/1x16 are the "
        "fastest; of one in several sizes, --size 0), or end other programs. --force "
        "plays nevertheless."
    )
