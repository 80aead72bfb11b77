"""Whether a model is fast enough to be played live, block by block."""

from collections.abc import Sequence

import numpy as np

from jaxamp.report.run_charts import BlockTime
from jaxamp.report.subject import Subject
from jaxamp.stream import block_seconds

BLOCKS = (32, 64, 128, 256, 512, 1024)
"""Samples a block, as audio interfaces offer them."""

CALLS = 400
"""Blocks of each length; enough for the slowest in a hundred to be several."""

MOST_SECONDS = 4.0
"""Spent on one length; a model that needs more is late by any count."""


def block_times(subject: Subject, blocks: Sequence[int] = BLOCKS) -> list[BlockTime]:
    """Plays blocks of each length, and takes the time of each."""
    found = []
    for block in blocks:
        seconds = block_seconds(
            subject.model,
            subject.params,
            block=block,
            calls=CALLS,
            most_seconds=MOST_SECONDS,
            controls=subject.controls,
        )
        found.append(
            BlockTime(
                block,
                median=1000 * float(np.median(seconds)),
                p99=1000 * float(np.quantile(seconds, 0.99)),
                deadline=1000 * block / subject.model.sample_rate,
            )
        )
    return found
