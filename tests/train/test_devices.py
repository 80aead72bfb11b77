"""A batch dealt out to devices teaches what it teaches on one."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jaxamp.core import ConfigError
from jaxamp.train.devices import dealt, described, most_equal

CHILD = Path(__file__).with_name("many_devices.py")


@pytest.fixture(scope="module")
def report():
    """What a process with eight devices found."""
    made = subprocess.run(
        [sys.executable, str(CHILD)], capture_output=True, text=True, check=True
    )
    return json.loads(made.stdout)


def test_eight_devices_learn_the_same_as_one(report):
    assert len(report) == 2
    for name, found in report.items():
        assert found["difference"] < 1e-5, name


def test_what_is_compiled_ahead_is_what_is_called(report):
    assert [found["compiled"] for found in report.values()] == [1, 1]


def test_each_device_cuts_only_its_windows(report):
    for found in report.values():
        assert set(found["cut"]) == {"2"}  # of 16
        assert found["gathered"] == 0


def test_devices_meet_once_a_step_for_each_sum_over_the_batch(report):
    sums = [found["sums"] for found in report.values()]
    # The spectral loss needs its own sums before there can be a gradient.
    assert sums == [2, 1]


@pytest.mark.parametrize(
    ("batch", "processes", "wanted", "there", "expected"),
    [
        (16, 1, 8, 8, 8),
        (12, 1, 4, 8, 4),
        (16, 4, 2, 2, 2),
        (16, 1, None, 8, 8),
        (12, 1, None, 8, 6),
        (12, 2, None, 8, 6),
        (7, 1, None, 4, 1),
    ],
)
def test_devices_get_equal_shares(batch, processes, wanted, there, expected):
    assert most_equal(batch, processes, wanted, there) == expected


@pytest.mark.parametrize(
    ("batch", "processes", "wanted", "words"),
    [
        (16, 1, 3, "train.devices=2, or a batch that is a multiple of 3"),
        (16, 3, None, "Use a multiple of 3"),
        (16, 2, 3, "2 processes of 3 devices"),
    ],
)
def test_unequal_shares_are_refused(batch, processes, wanted, words):
    with pytest.raises(ConfigError, match=words):
        most_equal(batch, processes, wanted, 3)


def test_more_devices_than_there_are_are_refused():
    there = len(jax.local_devices())
    with pytest.raises(ConfigError, match=f"this process has {there}"):
        dealt(16, there + 1)


def test_one_device_alone_is_nothing_to_speak_of():
    assert dealt(16, 1) is None
    assert described(None) == ""
