"""The recording of the virtual amp: other settings and other playing to validate on."""

import json

import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.data import virtual_knobs
from jaxamp.data.demo import CENTRE, packaged_di
from jaxamp.data.knobbed_amp import knobbed_amp
from jaxamp.data.spread import spread_settings
from jaxamp.data.virtual_knobs import HELD_OUT_SECONDS

BRIEF = {
    "settings": 5, "seconds": 0.5, "validation_settings": 3, "validation_seconds": 0.2,
}  # fmt: skip


@pytest.fixture(scope="module")
def recording():
    return virtual_knobs(**BRIEF, knobs=["treble", "gain"])


def test_every_passage_is_what_the_amp_plays_there(recording):
    for one in (recording.train[3], recording.validation[1]):
        treble, gain = one.controls
        heard = np.concatenate([one.context, one.input])
        y = knobbed_amp(heard, [gain, 0.5, 0.5, treble])
        # the amp was told positions in double precision
        np.testing.assert_allclose(y[len(one.context) :], one.target, atol=1e-6)


def test_no_setting_and_no_playing_that_validates_is_trained_on(recording):
    assert recording.controls == ("treble", "gain")
    learned = {tuple(one.controls.tolist()) for one in recording.train}
    unseen = {tuple(one.controls.tolist()) for one in recording.validation}
    assert (len(learned), len(unseen)) == (5, 3)
    assert not learned & unseen
    di = packaged_di()
    middle = round(HELD_OUT_SECONDS * recording.sample_rate)
    places = []
    for one in (*recording.train, *recording.validation):
        size = len(one.input)
        starts = np.flatnonzero(di == one.input[0])
        (start,) = (
            at for at in starts if np.array_equal(di[at : at + size], one.input)
        )
        places.append((start, start + size))
    begin = CENTRE - middle // 2
    for start, end in places[:5]:
        assert end <= begin or start >= begin + middle
    for start, end in places[5:]:
        assert begin <= start < end <= begin + middle


def test_the_seed_draws_the_settings_and_nothing_else_does(recording):
    again = virtual_knobs(**BRIEF, knobs=["treble", "gain"])
    other = virtual_knobs(**BRIEF, knobs=["treble", "gain"], seed=1)
    for a, b in zip(recording.train, again.train, strict=True):
        assert a.target.tobytes() == b.target.tobytes()
    assert other.findings != again.findings == recording.findings
    json.dumps(recording.findings, allow_nan=False)


def test_what_cannot_be_played_is_refused():
    with pytest.raises(ConfigError, match="gain, bass, mid, treble"):
        virtual_knobs(**BRIEF, knobs=["presence"])
    with pytest.raises(ConfigError, match="at most 12 seconds"):
        virtual_knobs(**{**BRIEF, "seconds": 60})
    with pytest.raises(ConfigError, match="settings=0"):
        virtual_knobs(**{**BRIEF, "settings": 0})


@pytest.mark.parametrize(("knobs", "settings"), [(1, 4), (2, 8), (4, 16), (12, 9)])
def test_settings_reach_both_stops_of_every_knob_and_no_two_are_alike(knobs, settings):
    spread = spread_settings(knobs, settings, seed=3)
    assert spread.shape == (settings, knobs)
    assert np.all(spread.min(axis=0) == 0)
    assert np.all(spread.max(axis=0) == 1)
    assert len(np.unique(spread, axis=0)) == settings
    np.testing.assert_array_equal(spread, spread_settings(knobs, settings, seed=3))


def test_a_fourth_of_the_settings_are_corners_and_the_rest_a_latin_hypercube():
    spread = spread_settings(4, 16, seed=0)
    assert np.all(np.isin(spread[:4], (0, 1)))
    apart = np.sum(spread[:4, None] != spread[None, :4], axis=2)
    assert np.all(apart[~np.eye(4, dtype=bool)] >= 2), "no two corners share an edge"
    for knob in spread[4:].T:
        np.testing.assert_allclose(np.sort(knob), np.linspace(0, 1, 12), atol=1e-12)
