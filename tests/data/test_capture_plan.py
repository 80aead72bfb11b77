"""A capture plan: spread over every dial, its corners, in an order that saves turns."""

import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.data.manifest import Knob
from jaxamp.data.plan import moves, plan
from jaxamp.data.spread import spread_corners

KNOBS = [Knob("gain", 0, 10), Knob("bass", 0, 10), Knob("mid", -6, 6)]


@pytest.mark.parametrize("seed", [0, 1])
def test_every_setting_is_on_the_dials_and_there_once(seed):
    made = plan(KNOBS, 20, seed=seed)
    assert made.values.shape == (20, 3)
    assert len(np.unique(made.values, axis=0)) == 20
    low, high = np.array([0, 0, -6]), np.array([10, 10, 6])
    assert np.all((made.values >= low) & (made.values <= high))
    np.testing.assert_array_equal(made.values * 2, np.round(made.values * 2))
    ends = (made.values == low) | (made.values == high)
    assert np.sum(ends.all(axis=1)) >= made.corners == 6
    np.testing.assert_array_equal(made.values, plan(KNOBS, 20, seed=seed).values)


def test_every_knob_is_seen_all_over_its_range():
    made = plan(KNOBS, 24, corners=0, step=0.1)
    for i, knob in enumerate(KNOBS):
        # In each of as many strips as there are settings lies one: but for rounding.
        at = (made.values[:, i] - knob.low) / (knob.high - knob.low)
        np.testing.assert_allclose(np.sort(at), (np.arange(24) + 0.5) / 24, atol=0.03)


def test_the_order_saves_turning():
    made = plan(KNOBS[:2], 9, step=5)
    # All 9 places of two dials of three: 8 moves are the fewest there can be.
    assert made.moves == moves(made.values) == 8
    assert made.moves < made.moves_unordered


def test_corners_are_as_far_apart_as_can_be():
    four = spread_corners(3, 4, seed=0)
    apart = np.abs(four[:, None] - four).sum(axis=2)
    assert apart[~np.eye(4, dtype=bool)].min() == 1
    assert {(0, 0, 0), (1, 1, 1)} <= {*map(tuple, four.tolist())}
    assert len(np.unique(spread_corners(3, 8, seed=0), axis=0)) == 8
    assert spread_corners(2, 0, seed=0).shape == (0, 2)


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        (1, {}, "1 settings: give 2 to"),
        (300, {"step": 2}, "give 2 to 252, as many as the dials have"),
        (10, {"step": 3}, "gain goes from 0 to 10, which is no whole number of steps"),
        (10, {"step": 0}, "must be above 0"),
        (10, {"corners": 9}, "9 corners: give 0 to 8"),
    ],
)
def test_what_no_plan_can_be_made_of_is_refused(settings, options, words):
    with pytest.raises(ConfigError, match=words):
        plan(KNOBS, settings, **options)
