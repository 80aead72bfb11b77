"""What of a comparison is listened to: the loudest passages, the models that matter."""

import numpy as np
from tiny import RATE, noise

from jaxamp.cli.listen import excerpts, heard_rows
from jaxamp.core import Capture
from jaxamp.report.comparison import Run, rows


def test_the_loudest_stretches_are_heard_in_the_order_they_were_played():
    y = noise(10 * RATE, level=0.01)
    y[2 * RATE : 4 * RATE] *= 5
    y[8 * RATE :] *= 9
    found = excerpts([Capture(y, y)], RATE, 2.0, 2)
    assert [(e.start, e.length) for e in found] == [
        (2 * RATE, 2 * RATE), (8 * RATE, 2 * RATE),
    ]  # fmt: skip


def test_short_recordings_are_divided_but_not_cut_to_pieces():
    def lengths(seconds, *wanted):
        y = noise(round(seconds * RATE))
        return [e.length / RATE for e in excerpts([Capture(y, y)], RATE, *wanted)]

    assert lengths(9, 8.0, 2) == [4.5, 4.5]
    assert lengths(9, 8.0, 1) == [8.0]
    assert lengths(5, 8.0, 9) == [2.0, 2.0]
    assert lengths(0.5, 8.0, 2) == [0.5]
    both = [Capture(noise(n), noise(n)) for n in (RATE, 4 * RATE)]
    assert all(e.capture is both[1] for e in excerpts(both, RATE, 2.0, 2))


def test_no_more_models_are_heard_than_can_be_rated_and_the_fronts_come_first():
    def run(i):
        return Run(
            model=f"m{i}", seed=0, capture="amp.wav", parameters=100 + i,
            esr=1 / (1 + i), macs_per_sample=1, receptive_field=1, sample_rate=RATE,
            mrstft=0.5, aliasing=1e-6, realtime_factor=50.0, realtime_block=64,
        )  # fmt: skip

    worse = [run(i) for i in range(8)]
    table = rows([*worse, Run(**{**vars(run(0)), "model": "large", "parameters": 999})])
    heard, others = heard_rows(table)
    assert len(heard) == 6
    assert [r.model for r in heard] == [r.model for r in table if r in heard]
    assert "large" in {r.model for r in others}
    assert {r.model for r in heard} == {f"m{i}" for i in range(2, 8)}
    assert np.isfinite([r.esr_mean for r in heard]).all()
