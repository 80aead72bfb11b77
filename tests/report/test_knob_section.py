"""The knobs of a page: what is heard and drawn at a setting is what the model plays."""

import base64
import io

import numpy as np
import pytest
import soundfile
from reports import KNOBS, SETTINGS, knobbed, report, subject
from test_run_page import EVIL, data
from tiny import RATE, noise

from jaxamp.core import ConfigError, RunError
from jaxamp.dsp.level import decibels, rms
from jaxamp.report.analysis.bands import bands, centres
from jaxamp.report.clips import clips
from jaxamp.report.knobs.fit import fitted
from jaxamp.report.knobs.moves import moves
from jaxamp.report.knobs.moves import section as moves_section
from jaxamp.report.knobs.plan import plan
from jaxamp.report.knobs.settings import chart, measured_settings, section, summary
from jaxamp.report.knobs.tour import SINE_DBFS
from jaxamp.report.subject import heard


@pytest.fixture(scope="module")
def page():
    return report(**knobbed(result=of(SETTINGS)))


def of(settings):
    """The result of a run that was judged at settings."""
    return {"knobs": {"settings": settings}}


def samples(clip):
    """What a page plays of a clip, at the model's own level."""
    audio, _ = soundfile.read(io.BytesIO(base64.b64decode(clip["flac"])))
    return audio * 2.0 ** clip["halvings"]


@pytest.mark.parametrize(
    ("knobs", "most", "count", "free"),
    [(1, 81, 5, True), (2, 81, 25, True), (3, 81, 27, True), (4, 81, 81, True),
     (2, 9, 9, True), (5, 81, 21, False), (4, 17, 17, False), (4, 12, 9, False)],
)  # fmt: skip
def test_as_many_settings_are_played_as_there_is_room_for(knobs, most, count, free):
    names = [f"knob {i}" for i in range(knobs)]
    found = plan(names, np.full(knobs, 0.5, np.float32), most)
    assert found.free is free
    assert len(found.settings) == len(set(found.settings)) == count
    assert found.start in found.settings
    assert found.at(found.start) == [0.5] * knobs
    assert found.controls().min() == 0
    assert found.controls().max() == 1
    away = (found.controls() != 0.5).sum(axis=1)
    assert max(away) == (knobs if free else 1)


def test_one_knob_at_a_time_is_turned_away_from_exactly_where_it_stood():
    stood = np.array([0.3, 0.5, 1.0], np.float32)
    found = plan("abc", stood, 15)
    assert not found.free
    assert found.at(found.start) == [0.3, 0.5, 1.0]
    assert found.positions[0] == (0.0, 0.25, 0.3, 0.5, 0.75, 1.0)


def test_the_sliders_begin_at_the_position_nearest_to_the_recordings():
    found = plan("ab", np.array([0.9, 0.3], np.float32), 9)
    assert found.at(found.start) == [1.0, 0.5]


def test_too_few_clips_to_turn_every_knob_are_refused():
    with pytest.raises(ConfigError, match="takes 7 to play each"):
        plan("abc", np.full(3, 0.5), 6)


def test_a_clip_is_what_the_model_plays_at_its_setting(page):
    told = data(page)["knobs"]
    assert told["positions"] == [[0, 0.5, 1]] * 2
    assert told["start"] == [2, 1], "where the passage with the loudest sample stands"
    x = subject().passages[0].input
    for one in told["settings"]:
        gain, tone = (told["positions"][k][i] for k, i in enumerate(one["at"]))
        wanted = np.tanh((0.25 + 8 * gain) * x) * (0.25 + 0.75 * tone)
        played = samples(told["clips"][one["clip"]])
        assert played.size == 2 * RATE, "all there is: it is shorter than four seconds"
        whole = slice(RATE // 100, -RATE // 100)  # the ends are faded
        np.testing.assert_allclose(played[whole], wanted[whole], atol=2**-22)
        assert np.max(np.abs(played[[0, -1]])) < 0.01
        name = f"gain {gain:g}, tone {tone:g}"
        assert told["clips"][one["clip"]]["label"] == name


def test_a_setting_is_drawn_as_loud_as_it_is(page):
    told = data(page)["knobs"]
    by_place = {tuple(one["at"]): one for one in told["settings"]}
    clean, bright = by_place[0, 0], by_place[0, 2]
    # A tenth of full scale and below, tanh is a line to half a per cent.
    quiet = [i for i, level in enumerate(SINE_DBFS) if level <= -20]
    gain = decibels(0.25 * 0.25)
    np.testing.assert_allclose(
        [clean["curve"][i] for i in quiet], np.array(SINE_DBFS)[quiet] + gain, atol=0.1
    )
    step = decibels(4.0)  # of a full tone, at every level and pitch
    for drawn in ("curve", "spectrum"):
        more = np.subtract(bright[drawn], clean[drawn])
        np.testing.assert_allclose(more, step, atol=0.11)
    assert bright["louder"] - clean["louder"] == pytest.approx(step, abs=0.15)
    start = by_place[tuple(told["start"])]
    assert start["louder"] == 0
    series = {
        s["label"]: s["values"] for s in data(page)["charts"]["knobCurve"]["series"]
    }
    assert series["heard now"] == series["at the start"]
    np.testing.assert_allclose(series["heard now"], start["curve"], atol=0.051)


def test_settings_are_as_loud_as_they_are_unless_asked_for_otherwise(page):
    told = data(page)["knobs"]
    assert told["matched"] is False
    assert (
        len({one["plain"] / 2 ** one["halvings"] for one in told["clips"].values()})
        == 1
    )


def test_the_level_of_bands_adds_up_to_that_of_the_whole():
    size = RATE // 2
    x = noise(size, level=0.2)
    spectrum = np.fft.rfft(x)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    middles = centres(RATE)
    edges = middles[0] * 2 ** (-1 / 6), middles[-1] * 2 ** (1 / 6)
    inside = np.fft.irfft(spectrum * ((hertz > edges[0]) & (hertz < edges[1])))
    together = decibels(np.sqrt(np.sum(10 ** (bands(x, RATE) / 10))))
    assert together == pytest.approx(decibels(rms(inside)), abs=0.01)
    sine = np.sin(2 * np.pi * 1000 * np.arange(size) / RATE)
    levels = bands(sine, RATE)
    assert levels[middles.index(1000.0)] == pytest.approx(-3.01, abs=0.01)
    assert np.sort(levels)[-2] < -80
    assert centres(8000)[-1] * 2 ** (1 / 6) <= 4000


@pytest.mark.parametrize(
    ("count", "seconds", "bits"),
    [(2, 4.0, 24), (6, 3.3, 24), (12, 2.0, 20), (30, 0.9, 18)],
)
def test_a_budget_takes_length_then_bits_then_length_again(count, seconds, bits):
    rate, room = 4000, 0.3
    audio = np.stack([noise(4 * rate, i, 0.3) for i in range(2)])[np.arange(count) % 2]
    kept, fit = fitted(audio, rate, 0, room)
    made = clips({str(i): one[kept] for i, one in enumerate(audio)}, rate,
                 target="0", bits=fit.bits)  # fmt: skip
    size = sum(len(one["flac"]) for one in made.values())
    assert size <= 1.02e6 * room
    assert fit.bits == bits
    assert fit.seconds == (kept.stop - kept.start) / rate
    assert fit.seconds == pytest.approx(seconds, rel=0.04)


def test_every_passage_is_held_against_the_model_at_its_own_setting(page):
    about = subject(**knobbed())
    played = heard(about).prediction
    x, y = (one.input for one in about.passages)
    wanted = [np.tanh(0.25 * x) * (0.25 + 0.75 * 0.3), np.tanh(7.45 * y) * 0.625]
    np.testing.assert_allclose(played, np.concatenate(wanted), atol=1e-6)
    fixed = heard(subject(controls=np.array([0.0, 1.0]), **knobbed())).prediction
    np.testing.assert_allclose(fixed[: x.size], np.tanh(0.25 * x), atol=1e-6)
    said = "knobs stand at gain 0.9, tone 0.5 here. The recording has 2 settings"
    assert page.count(said) == 3, "with the players, the tones and the curve"


def test_what_is_measured_at_each_setting_is_told_seen_and_unseen_apart(page):
    assert [one.name for one in measured_settings(of(SETTINGS))] == [*"cba"]
    assert "mean ESR is 0.015 over 2 settings that the model learned from" in page
    assert "and 0.04 over 1 settings that it never heard" in page
    chart = data(page)["charts"]["settingErrors"]
    assert [one["values"] for one in chart["series"]] == [
        [0.01, 0.02, None], [None, None, 0.04],
    ]  # fmt: skip
    assert "it never heard" not in summary(measured_settings(of(SETTINGS[1:])))


def test_what_strangers_write_of_settings_does_not_act():
    known = {"name": EVIL, "knobs": {EVIL: 1, "gain": EVIL}, "esr": 1, "seen": True}
    odd = ({"esr": "x"}, {"esr": np.nan}, {"esr": True}, {"esr": 1, "seen": "yes"})
    rows = [EVIL, None, *({"seen": True} | one for one in odd), known]
    found = measured_settings(of(rows))
    assert len(found) == 1
    assert len(measured_settings(of(rows[-1:] * 9_999))) < 1_000
    assert measured_settings(of(EVIL)) == []
    evil = section(found, [EVIL, "gain"], chart(found))
    assert "&lt;script&gt;alert" in evil
    assert "<script>" not in evil


def test_a_setting_that_plays_no_sound_is_named():
    def diverging(params, x, controls, state):
        return x / (controls[:, :1, None] - 1) * (controls[:, :1, None] - 1), state

    made = knobbed()
    made["model"] = type(made["model"])(**(vars(made["model"]) | {"apply": diverging}))
    with pytest.raises(RunError, match=f"infinity at {KNOBS[0]} 1, tone 0, so"):
        report(**made)


def by_hand(x, ways):
    """What the model of two knobs does, as an amp of equations that can be asked."""
    gain, tone = ways
    return np.tanh((0.25 + 8 * gain) * x) * (0.25 + 0.75 * tone)


def test_a_model_that_turns_as_the_amp_does_is_right_while_it_turns():
    one = subject(**knobbed(turned_amp=by_hand))
    found = moves(one, heard(one))
    assert [move.knob for move in found] == ["gain", "tone"]
    for move in found:
        for name in ("esr_still", "esr_moving", "esr_after_moves"):
            assert move.scores[name] < 1e-10
    told = moves_section(found)
    assert "<table" in told
    assert '<th scope="row">gain</th>' in told


def test_a_model_that_turns_too_late_is_wrong_while_it_turns_and_right_before():
    def early(x, ways):
        return by_hand(x, np.minimum(ways * (1 + 0.5 * (ways > 0.5)), 1))

    one = subject(**knobbed(turned_amp=early))
    gain = moves(one, heard(one))[0].scores
    assert gain["esr_moving"] > 100 * gain["esr_still"]


def test_where_no_amp_can_be_asked_nothing_is_said_of_moves():
    one = subject(**knobbed())
    assert moves(one, heard(one)) == []
