"""The report on a run: everything is in it, it says what was measured, and no more."""

import base64
import io
import json
import re

import jax
import numpy as np
import pytest
import soundfile
from reports import report, subject
from tiny import RATE

from jaxamp.core import Capture, RunError
from jaxamp.metrics import report as metrics
from jaxamp.metrics.aliasing import PROBES_HZ
from jaxamp.report.checks import checks
from jaxamp.report.run_charts import BlockTime, learning
from jaxamp.report.run_page import measured
from jaxamp.report.run_sections import SECTIONS, in_time
from jaxamp.report.subject import heard
from jaxamp.report.timing import block_times

OF_KNOBS = {"knobs", "settings", "moves"}
"""Sections that a model without knobs has nothing to say in."""

EVIL = "</script></td><script>alert(1)</script><!--\x1b[2J\u202e\"'" + "A" * 5_000


@pytest.fixture(scope="module")
def page():
    return report(times=[BlockTime(64, 0.2, 0.5, 1.3), BlockTime(128, 1.0, 3.0, 2.7)])


def data(page):
    """What the page's scripts are given."""
    found = re.search(r'id="data">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def test_every_section_is_there_and_linked_to(page):
    for name, title in SECTIONS.items():
        there = name not in OF_KNOBS
        assert (f'<section id="{name}"' in page) is there
        assert (f'<a href="#{name}">{title}</a>' in page) is there


def test_every_chart_has_its_numbers_a_caption_and_words_for_those_who_see_none(page):
    charts = data(page)["charts"]
    assert set(charts) == {
        "levelError", "errorLevel", "dynamics", "harmonics12", "harmonics30",
        "aliasing", "transfer", "cloud", "learning", "blocks",
    }  # fmt: skip
    for name, chart in charts.items():
        assert all(len(one["values"]) == len(chart["x"]) for one in chart["series"])
        assert chart["x"] == sorted(chart["x"])
        figure = re.search(rf'data-chart="{name}".*?</figure>', page, re.DOTALL)
        assert figure
        assert 'role="img" aria-label="' in figure[0]
        assert "<figcaption>" in figure[0]
        assert figure[0].count("<tr>") > len(chart["x"]) or len(chart["x"]) > 48


def test_the_numbers_are_those_of_the_whole_passage(page):
    one = subject()
    sound = heard(one)
    wanted = metrics(sound.prediction, sound.target, RATE)
    told = data(page)["numbers"]
    assert {name: told[name] for name in wanted} == pytest.approx(wanted)
    assert f"(ESR {wanted['esr']:.4g})" in page


def test_a_runs_own_numbers_count_as_long_as_they_are_true(page):
    sound = heard(subject())
    now = metrics(sound.prediction, sound.target, RATE)
    true = now | {"asr_1250_hz": 0.001}
    assert measured(subject(result={"metrics": true}), sound) == (true, [])
    stale = true | {"esr": 9 * true["esr"]}
    own, (note,) = measured(subject(result={"metrics": stale}), sound)
    assert own == pytest.approx(now)
    assert "The run wrote down an ESR of" in note


def test_aliasing_is_in_the_numbers_as_the_chart_has_it(page):
    chart = data(page)["charts"]["aliasing"]
    (model,) = (one for one in chart["series"] if one["label"] == "prediction")
    worst = max(
        level
        for hertz, level in zip(chart["x"], model["values"], strict=True)
        if hertz in PROBES_HZ
    )
    assert f'<th scope="row">Aliasing</th><td>{worst:.0f} dB</td>' in page


def test_the_clips_are_the_passage_to_the_24th_bit(page):
    clips = data(page)["clips"]
    assert [*clips] == ["di", "target", "prediction", "difference"]
    audio = {
        name: soundfile.read(io.BytesIO(base64.b64decode(one["flac"])))[0]
        * 2.0 ** one["halvings"]
        for name, one in clips.items()
    }
    target = subject().passages[0].target
    places = np.flatnonzero(np.abs(target - audio["target"][0]) < 2**-23)
    assert any(
        np.max(np.abs(target[i : i + RATE] - audio["target"])) < 2**-23
        for i in places
        if i + RATE <= target.size
    )
    np.testing.assert_allclose(
        audio["difference"], audio["target"] - audio["prediction"], atol=2**-22
    )


def test_the_page_loads_nothing_and_is_small(page):
    assert not re.search(r'(?:src|href)="(?!#|data:image/png)', page)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|new WebSocket", page)
    sound = sum(len(one["flac"]) for one in data(page)["clips"].values())
    assert len(page.encode()) - sound < 700_000


def test_nothing_that_a_stranger_writes_acts(page):
    pair = {"input": {"file": EVIL}, "target": {"file": EVIL}}
    pair |= {"delay": {"applied": EVIL, "samples": EVIL}}
    check = {"severity": EVIL, "message": EVIL, "waived": EVIL}
    evil = report(
        name=EVIL,
        capture=EVIL,
        place=EVIL,
        notes=[EVIL],
        config=f"{EVIL}: {EVIL}\n",
        history=[{"step": EVIL, "loss": EVIL}, {EVIL: EVIL}],
        findings={"pairs": [pair | {"checks": {"found": [check], "measured": {
            "delay_samples": EVIL, "noise_dbfs": EVIL}}}, EVIL, None]},
        result={"metrics": {"esr": EVIL, EVIL: EVIL}, "device": EVIL, "train": EVIL,
                "versions": {EVIL: EVIL}, "realtime_factor": EVIL},
    )  # fmt: skip
    assert evil.count("<script") == page.count("<script")
    assert evil.count("<!--") == 0
    assert "&lt;script&gt;alert" in evil
    body = evil.partition("<body>")[2].partition('<script type="application/json"')[0]
    assert body.replace("\n", "").isprintable()
    assert len(evil) < len(page) + 60_000


def test_what_was_found_in_the_recordings_is_said(page):
    assert "amp.wav, answering dry.wav" in page
    assert "<strong>warning</strong>: amp.wav hums." in page
    assert "11 samples taken out, of 12 measured" in page
    assert "1 of the checks found something." in page


def test_what_is_not_known_is_said(page):
    bare = report(
        amp=None, result={}, history=[], findings=None, config=None, times=None
    )
    assert "Nothing is known of its training." in bare
    assert "Not measured, as asked for." in bare
    assert "jaxamp check" in bare
    assert "There is no amp here to play the tone to" in bare
    assert "There is no amp here to play the tone to" not in page
    names = {one["label"] for one in data(bare)["charts"]["harmonics12"]["series"]}
    assert names == {"prediction"}
    demo = checks({"knobs": {"gain": 0.5}})
    assert "the project's own simulated tube stage, with gain 0.5" in demo


def test_blocks_that_come_too_late_are_named(page):
    assert "Blocks of 128 samples took more than 70 % of the time" in page
    early = in_time([BlockTime(64, 0.2, 0.9, 1.3)])
    assert "99 of 100 blocks of every length took at most 70 %" in early
    assert "Blocks of 64 samples" in in_time([BlockTime(64, 0.2, 1.0, 1.3)])


def test_the_time_of_blocks_is_measured_against_their_deadline():
    (one,) = block_times(subject(), blocks=[64])
    assert 0 < one.median <= one.p99
    assert one.deadline == pytest.approx(64_000 / RATE)


def test_a_model_that_plays_no_sound_is_refused():
    broken = jax.tree.map(lambda leaf: leaf * np.nan, subject().params)
    with pytest.raises(RunError, match="NaN or infinity"):
        report(params=broken)


def test_a_silent_amp_has_a_page(page):
    x = subject().passages[0].input
    silent = report(passages=(Capture(x, np.zeros_like(x)),))
    assert "nothing to hold the model against" in silent
    assert len(data(silent)["charts"]) == len(data(page)["charts"]) - 1


def test_a_long_log_is_thinned_and_no_validation_lost():
    rows = [{"step": i, "loss": 1.0} for i in range(1, 9_000)]
    rows += [{"step": i, "validation_esr": 0.5} for i in range(100, 9_000, 100)]
    chart = learning(rows)
    assert chart
    assert len(chart.x) < 2_000
    assert sum(value is not None for value in chart.series[1].values) == 89
    assert learning(rows[:1]) is None
