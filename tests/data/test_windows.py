"""Windows never leave their capture, and each is a function of key and step."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.core import Capture, CaptureError, ConfigError
from jaxamp.data import windows

CONTEXT = 5
OUTPUTS = 8
BATCH = 4


def numbered(first, samples, context=0):
    """A capture whose samples say where they stand; the target is the negative."""
    x = np.arange(first, first + context + samples, dtype=np.float32)
    return Capture(x[context:], -x[context:], x[:context])


CAPTURES = (numbered(0, 40), numbered(1000, 12), numbered(2000, 61, context=30))
"""The second is shorter than one window."""


def drawn(sampling, steps, batch=BATCH, key=0, captures=CAPTURES):
    data = windows(
        captures, context=CONTEXT, outputs=OUTPUTS, batch=batch, sampling=sampling
    )
    sample = jax.jit(data.sample)
    return data, [sample(jax.random.key(key), jnp.int32(s)) for s in range(steps)]


@pytest.mark.parametrize("sampling", ["random", "grid"])
def test_a_window_is_one_stretch_of_one_capture_and_its_answer(sampling):
    _, batches = drawn(sampling, 40)
    for batch in batches:
        x, y = np.asarray(batch.input), np.asarray(batch.target)
        assert x.shape == (BATCH, 1, CONTEXT + OUTPUTS)
        np.testing.assert_array_equal(np.diff(x, axis=2), 1)
        np.testing.assert_array_equal(y, -x[:, :, CONTEXT:])
        for first, last in x[:, 0, [0, -1]]:
            assert last < 40 or (first >= 2000 and last < 2091)
        # Targets before a capture's own first sample are not known.
        assert not np.any((x[:, 0, CONTEXT] >= 2000) & (x[:, 0, CONTEXT] < 2030))


def test_random_windows_reach_every_sample_that_can_be_asked_for():
    _, batches = drawn("random", 200)
    asked = {int(-v) for batch in batches for v in np.ravel(batch.target)}
    assert asked == {*range(CONTEXT, 40), *range(2030, 2091)}


def test_the_grid_shows_every_window_once_an_epoch_in_a_new_order():
    data, _ = drawn("grid", 0)
    cells = (40 - CONTEXT) // OUTPUTS + 61 // OUTPUTS
    assert data.cells == cells == 11
    assert drawn("grid", 0, batch=4)[0].steps_per_epoch == 2
    data, batches = drawn("grid", 22, batch=1)
    starts = [int(batch.input[0, 0, 0]) for batch in batches]
    assert data.steps_per_epoch == 11
    first, second = starts[:11], starts[11:]
    tiles = [*range(0, 32, OUTPUTS), *range(2025, 2081, OUTPUTS)]
    assert sorted(first) == sorted(second) == tiles
    assert first != second


def test_an_epoch_of_whole_batches_repeats_no_window():
    _, batches = drawn("grid", 2)
    starts = [int(row[0, 0]) for batch in batches for row in batch.input]
    assert len(set(starts)) == len(starts)


@pytest.mark.parametrize("sampling", ["random", "grid"])
def test_windows_are_decided_by_key_and_step(sampling):
    _, once = drawn(sampling, 4)
    _, again = drawn(sampling, 4)
    _, other = drawn(sampling, 4, key=1)
    for a, b in zip(once, again, strict=True):
        np.testing.assert_array_equal(a.input, b.input)
    assert any(
        not np.array_equal(a.input, b.input) for a, b in zip(once, other, strict=True)
    )


def test_a_capture_of_exactly_one_window_is_enough():
    data, (batch,) = drawn("random", 1, captures=[numbered(0, CONTEXT + OUTPUTS)])
    assert data.cells == 1
    np.testing.assert_array_equal(batch.input[0, 0], np.arange(CONTEXT + OUTPUTS))


def test_too_little_audio_is_refused_with_what_is_needed():
    with pytest.raises(CaptureError, match=r" 12 samples.* takes 13 \(5 of"):
        drawn("random", 0, captures=[numbered(0, 12)])
    with pytest.raises(CaptureError, match="11 windows, one batch takes 12"):
        drawn("grid", 0, batch=12)
    with pytest.raises(ConfigError, match="Known are: random, grid"):
        drawn("shuffled", 0)


@pytest.mark.parametrize("sampling", ["random", "grid"])
def test_levels_change_input_and_target_alike_and_evenly_in_decibels(sampling):
    sizes = {"context": 3, "outputs": 5, "batch": 16, "sampling": sampling}
    plain = windows([numbered(1, 400)], **sizes)
    varied = windows([numbered(1, 400)], **sizes, level_db=6.0)
    key, gains = jax.random.key(0), []
    for step in range(20):
        one, other = plain.sample(key, step), varied.sample(key, step)
        gain = np.asarray(other.input[:, 0, 0] / one.input[:, 0, 0])
        for name in ("input", "target"):
            expected = gain[:, None, None] * np.asarray(getattr(one, name))
            np.testing.assert_allclose(getattr(other, name), expected, rtol=1e-5)
        gains.extend(20 * np.log10(gain))
    assert len(np.unique(np.round(gains, 4))) > 200, "each window has its own"
    assert -6.001 <= min(gains) < -5.5
    assert 5.5 < max(gains) <= 6.001
    assert np.std(gains) == pytest.approx(12 / np.sqrt(12), rel=0.1)


@pytest.mark.parametrize("sampling", ["random", "grid"])
def test_every_window_knows_where_its_captures_knobs_stood(sampling):
    turned = [
        dataclasses.replace(one, controls=np.float32([i, 0.5]))
        for i, one in enumerate(CAPTURES)
    ]
    _, batches = drawn(sampling, 10, captures=turned)
    _, plain = drawn(sampling, 10)
    for batch, same in zip(batches, plain, strict=True):
        np.testing.assert_array_equal(batch.input, same.input)
        assert same.controls is None
        of_capture = np.asarray(batch.input[:, 0, 0] >= 1000) * 2.0
        np.testing.assert_array_equal(batch.controls[:, 0], of_capture)
        np.testing.assert_array_equal(batch.controls[:, 1], 0.5)


def test_captures_that_differ_in_their_knobs_are_refused():
    odd = dataclasses.replace(CAPTURES[0], controls=np.float32([0.5]))
    with pytest.raises(CaptureError, match="number of knobs: \\[0, 1\\]"):
        windows([odd, CAPTURES[2]], context=1, outputs=8, batch=2)
