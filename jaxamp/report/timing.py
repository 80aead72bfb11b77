"""Whether a model is fast enough to be played live, block by block."""

from collections.abc import Sequence

from jaxamp.report.run_charts import BlockTime
from jaxamp.report.subject import Subject
from jaxamp.stream.live import Voice
from jaxamp.stream.live.deadline import measured, stirred
from jaxamp.stream.live.session import undisturbed

BLOCKS = (32, 64, 128, 256, 512, 1024)
"""Samples a block, as audio interfaces offer them."""

MOST_SECONDS = 1.5
"""Spent on one length; only blocks of more than 3.7 ms are fewer for it."""


def block_times(subject: Subject, blocks: Sequence[int] = BLOCKS) -> list[BlockTime]:
    """Plays blocks of each length as `jaxamp live` does, and takes the time of each."""
    rate = subject.model.sample_rate
    found = []
    for block in blocks:
        voice = Voice(
            subject.name,
            subject.model,
            subject.params,
            block=block,
            controls=subject.setting(subject.passages[0]),
        )
        with undisturbed():
            play = stirred(voice, voice.play)
            times = measured(play, block, rate, most_seconds=MOST_SECONDS)
        found.append(
            BlockTime(
                block,
                median=times.quantile(0.5) / 1000,
                p99=times.quantile(0.99) / 1000,
                deadline=1000 * block / rate,
            )
        )
    return found
