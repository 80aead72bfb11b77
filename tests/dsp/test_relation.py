"""Whether a target answers its input, and when, whatever lies between them."""

import numpy as np
import pytest
from tiny import amp, noise

from jaxamp.dsp.relation import early_or_late, related, relation

X = noise(48_000)
Y = amp(X)


def answered(delay):
    """The pair cut so that the target comes so many samples late, or early."""
    size = X.size - abs(delay)
    return X[max(0, delay) :][:size], Y[max(0, -delay) :][:size]


@pytest.mark.parametrize("delay", [0, 40, 4000, -4000])
def test_an_answer_is_found_where_it_is(delay):
    found = relation(*answered(delay))
    assert related(found)
    assert abs(found.lag - delay) <= 2
    assert early_or_late(found) == (abs(delay) > 1000)


@pytest.mark.parametrize(
    "target",
    [noise(48_000, seed=1), amp(noise(48_000, seed=1)), Y[::-1], np.zeros(48_000)],
)
def test_another_take_answers_nowhere(target):
    assert not related(relation(X, target))


def test_what_is_too_short_to_tell_is_no_answer_and_no_error():
    assert not related(relation(X[:100], Y[:100]))


def test_loudness_that_follows_is_an_answer_when_all_else_is_lost():
    swell = np.repeat(np.random.default_rng(0).uniform(0.01, 1, 100), 480)
    x, other = X * swell, noise(48_000, seed=1) * swell
    found = relation(x.astype(np.float32), other.astype(np.float32))
    assert found.likeness > 0.9
    assert related(found)
    assert not early_or_late(found)
