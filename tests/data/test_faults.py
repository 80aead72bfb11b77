"""What is measured becomes a fault at the limits that are stated."""

import pytest

from jaxamp.data.faults import (
    check_drift,
    check_flat_tops,
    check_gate,
    check_noise,
    check_replicates,
    check_steadiness,
)
from jaxamp.dsp.drift import Drift
from jaxamp.dsp.quiet import Noise
from jaxamp.dsp.steady import Step


@pytest.mark.parametrize(
    ("samples", "uncertainty", "severity"),
    [
        (1.9, 0.05, None),
        (-2.1, 0.05, "warning"),
        (3.0, 0.05, "fatal"),
        (-170.0, 2.0, "fatal"),
        (11.9, 2.0, None),
        (12.0, 2.0, "fatal"),
    ],
)
def test_a_drift_counts_when_it_is_large_and_certain(samples, uncertainty, severity):
    found = check_drift(Drift(samples, 1.0, uncertainty, "signals"), "a")
    assert (found and found.severity) == severity
    assert check_drift(None, "a") is None


@pytest.mark.parametrize(
    ("noise", "names"),
    [
        (Noise(1e-3, 0.0, 0), []),
        (Noise(6e-3, 0.0, 0), ["noise"]),
        (Noise(4e-3, 4e-3, 50), ["hum"]),
        (Noise(9e-3, 6e-3, 60), ["hum", "noise"]),
        (None, []),
    ],
)
def test_noise_and_hum_are_told_apart_by_their_limits(noise, names):
    # 45 and 50 dB below full scale: 0.0056 and 0.0032.
    assert [one.check for one in check_noise(noise, 1.0, "a")] == names


def test_the_limits_themselves_pass():
    assert check_replicates(0.01, "a") is None
    assert check_replicates(0.0101, "a") is not None
    assert check_replicates(None, "a") is None
    assert check_gate(0.19, -40, "a") is None
    assert check_gate(0.2, -40, "a") is not None
    assert check_flat_tops(7, -3, "a") is None
    assert check_flat_tops(8, -3, "a") is not None


@pytest.mark.parametrize(
    ("decibels", "surprise", "said"), [(-3, 9, True), (0.9, 9, False), (5, 6.4, False)]
)
def test_a_step_counts_when_it_is_large_and_no_chance(decibels, surprise, said):
    step = Step(30.0, decibels, (600, 1200), surprise)
    assert (check_steadiness(step, "a") is not None) == said
