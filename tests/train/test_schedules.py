"""The learning rate over a run."""

import numpy as np
import pytest

from jaxamp.train import cosine


def test_it_rises_to_its_peak_and_ends_at_its_end_value():
    rate = cosine(0.01, 1000, warmup_steps=20, end_value=0.001)
    assert float(rate(0)) == 0
    assert float(rate(20)) == pytest.approx(0.01)
    assert float(rate(510)) == pytest.approx((0.01 + 0.001) / 2)
    assert float(rate(1000)) == pytest.approx(0.001)


@pytest.mark.parametrize("steps", [1, 2, 6, 19, 20, 21])
def test_a_run_shorter_than_the_rise_still_learns(steps):
    rates = [float(cosine(0.01, steps)(step)) for step in range(steps)]
    assert np.all(np.isfinite(rates))
    assert max(rates) == pytest.approx(0.01)
