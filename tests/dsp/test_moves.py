"""A knob's way is a function of time: straight between points, without a corner."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxamp.dsp.moves import Way, merged

SMOOTHING = 96


def weighed(way_of, smoothing, times, fine=64):
    """The definition, by adding up: the mean over a window, weighed by 6u(1 - u)."""
    u = (np.arange(fine * smoothing) + 0.5) / (fine * smoothing)
    weights = 6 * u * (1 - u) / u.size
    at = times[:, None] + smoothing * (u - 0.5)
    return way_of(at) @ weights


def test_without_smoothing_it_is_the_points_and_the_lines_between():
    way = Way([10, 20, 20, 30], [0.0, 1.0, 0.25, 0.75])
    expected = np.interp(np.arange(40), [10, 20, 20 + 1e-9, 30], [0, 1, 0.25, 0.75])
    expected[20] = 0.25  # at its time a jump is done
    np.testing.assert_allclose(way.between(0, 40), expected, atol=1e-6)


def test_smoothing_is_the_mean_around_each_moment():
    times, values = [100, 150, 150, 170, 600], [0.2, 0.9, 0.1, 0.1, 0.6]
    sharp = lambda at: np.interp(at, [100, 150, 150 + 1e-9, 170, 600], values)  # noqa: E731
    now = np.arange(0.0, 750.0)
    expected = weighed(sharp, SMOOTHING, now)
    way = Way(times, values, SMOOTHING)
    # The sum has steps of 1/64 of a sample, of which a jump may miss half.
    np.testing.assert_allclose(way.between(0, 750), expected, atol=3e-4)
    ramp = slice(170 + SMOOTHING, 600 - SMOOTHING)
    np.testing.assert_allclose(way.between(0, 750)[ramp], sharp(now[ramp]), atol=1e-6)


def test_a_jump_becomes_a_curve_that_begins_and_ends_at_rest():
    y = Way([500, 500], [0.1, 0.9], SMOOTHING).between(0, 1000).astype(float)
    assert y[500] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_array_equal(y[: 500 - SMOOTHING // 2 + 1], np.float32(0.1))
    np.testing.assert_array_equal(y[500 + SMOOTHING // 2 :], np.float32(0.9))
    assert 0 < np.diff(y).max() <= 1.5 * 0.8 / SMOOTHING
    # Nor does its slope jump: the curve's is 6 * 0.8 / smoothing^2 at most.
    assert np.abs(np.diff(y, 2)).max() <= 6 * 0.8 / SMOOTHING**2 + 2e-7


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 80), st.floats(0, 1)), min_size=1),
    smoothing=st.sampled_from([0, 7, 50.5, 300]),
    cut=st.integers(0, 400),
)
def test_it_is_the_same_in_pieces_stays_in_range_and_rests_where_it_says(
    steps, smoothing, cut
):
    times, values = np.cumsum([step for step, _ in steps]), [v for _, v in steps]
    way = Way(times, values, smoothing)
    whole = way.between(0, 400)
    pieces = np.concatenate([way.between(0, cut), way.between(cut, 400)])
    np.testing.assert_array_equal(pieces, whole)
    assert np.float32(min(values)) <= whole.min()
    assert whole.max() <= np.float32(max(values))
    moving = np.zeros(400, bool)
    for start, stop in way.moves():
        moving[max(start, 0) : stop] = True
    assert not np.any((np.abs(np.diff(whole)) > 1e-6) & ~moving[1:] & ~moving[:-1])


def test_an_hour_is_as_exact_as_a_second():
    late = 3600 * 48_000
    times, values = np.array([0, 40, 40, 90]), [0.3, 0.9, 0.2, 1.0]
    early = Way(times, values, SMOOTHING).between(-200, 300)
    y = Way(times + late, values, SMOOTHING).between(late - 200, late + 300)
    np.testing.assert_allclose(y, early, rtol=0, atol=1e-6)


def test_moves_that_touch_are_one():
    assert merged([(5, 9), (0, 2), (9, 12), (1, 3)]) == [(0, 3), (5, 12)]
    way = Way([100, 200, 300, 300], [0.0, 1.0, 1.0, 0.5], 20)
    assert way.moves() == [(90, 211), (290, 311)]
    assert Way([100, 200], [0.5, 0.5], 20).moves() == []
