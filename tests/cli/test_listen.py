"""What of a comparison is listened to: the loudest passages, the models that matter."""

import pytest
from tiny import RATE, noise

from jaxamp.cli.listen import excerpts, heard_rows, rating_trials
from jaxamp.core import Capture, ConfigError
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


def run(model, esr, parameters=100, **other):
    known = {
        "seed": 0, "capture": "amp.wav", "macs_per_sample": 1, "receptive_field": 1,
        "sample_rate": RATE, "mrstft": 0.5, "aliasing": 1e-6, "realtime_factor": 50.0,
        "realtime_block": 64,
    }  # fmt: skip
    return Run(model=model, esr=esr, parameters=parameters, **{**known, **other})


def test_no_more_models_are_heard_than_can_be_rated_and_the_fronts_come_first():
    alike = [run(f"m{i}", 0.01 * (8 - i)) for i in range(8)]
    table = rows([*alike, run("small", 0.9, parameters=9), run("large", 0.5, 999)])
    heard, others = heard_rows(table)
    assert {r.model for r in heard} == {"small", "m7", "m6", "m5", "m4", "m3"}
    assert [r.model for r in heard] == [r.model for r in table if r in heard]
    assert [r.model for r in others] == ["m2", "m1", "m0", "large"]


@pytest.mark.parametrize(
    ("seconds", "passages", "rate", "said"),
    [(30, 12, RATE, "Take --seconds 8.3"), (8, 12, 2 * RATE, "make up to 1536 s")],
)
def test_more_sound_than_a_page_holds_is_refused_before_anything_is_read(
    seconds, passages, rate, said
):
    table = rows([run(f"m{i}", 0.1, sample_rate=rate) for i in range(9)])
    with pytest.raises(ConfigError, match=said):
        rating_trials(table, seconds, passages)
