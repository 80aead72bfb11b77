"""The learning rate over a run."""

import numpy as np
import optax
import pytest

from jaxamp.train import LearningRates, cosine
from jaxamp.train.step import STEPS_PER_CALL


def test_it_rises_to_its_peak_and_ends_at_its_end_value():
    rate = cosine(0.01, 1000, warmup_steps=20, end_value=0.001)
    rates = [float(np.asarray(rate(step))) for step in (0, 20, 510, 1000)]
    assert rates == pytest.approx([0, 0.01, (0.01 + 0.001) / 2, 0.001])


@pytest.mark.parametrize("steps", [1, 2, 6, 19, 20, 21])
def test_a_run_shorter_than_the_rise_still_learns(steps):
    rates = [float(np.asarray(cosine(0.01, steps)(step))) for step in range(steps)]
    assert np.all(np.isfinite(rates))
    assert max(rates) == pytest.approx(0.01)


@pytest.mark.parametrize(
    "schedule",
    [
        cosine(0.01, 2500),
        optax.exponential_decay(0.004, 62, 0.993, staircase=True),
        optax.constant_schedule(0.008),
    ],
    ids=["cosine", "exponential", "constant"],
)
def test_a_rate_is_the_same_bits_wherever_a_call_begins(schedule):
    rates = LearningRates(schedule)
    whole = np.concatenate([rates.after(0), rates.after(STEPS_PER_CALL)])
    assert whole.dtype == np.float32
    for step in (1, 7, 999, 1000):
        np.testing.assert_array_equal(rates.after(step)[:500], whole[step : step + 500])
    for step in (0, 20, 61, 62, 1234):
        np.testing.assert_allclose(whole[step], np.asarray(schedule(step)), rtol=1e-6)
