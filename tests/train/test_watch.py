"""Failures that say nothing by themselves are told once, at the stated step."""

import dataclasses

import numpy as np
import pytest
from tiny import amp, noise

from jaxamp.core import Capture
from jaxamp.train import Progress, passage
from jaxamp.train.progress import RESTART_FACTOR, gone_back, validated
from jaxamp.train.watch import (
    RISING,
    RISING_VALIDATIONS,
    STUCK,
    STUCK_STEPS,
    cause_of,
    seen,
    trouble,
)

X = noise(48_000)
Y = amp(X)


def after(esrs, every=100, losses=None):
    """The progress after some validations, and what was told at each."""
    progress, told = Progress(), []
    for i, esr in enumerate(esrs):
        loss = losses[i] if losses else 1.0
        progress = dataclasses.replace(
            progress, step=(i + 1) * every, loss_sum=every * loss, loss_count=every
        )
        progress = validated(progress, esr, 0.0)
        what = trouble(progress)
        told.append(what)
        if what:
            cause = {"stuck": "dead", "rising": "overfitting"}[what]
            progress = dataclasses.replace(
                progress, warned=[*progress.warned, [cause, progress.step, 0]]
            )
    return progress, told


@pytest.mark.parametrize("esr", [0.95, 1.0, 7.0, float("nan")])
def test_nothing_learned_in_400_steps_is_told_once(esr):
    _, told = after([esr] * 8)
    assert told == [None, None, None, "stuck", None, None, None, None]


def test_one_validation_in_many_steps_is_not_enough_to_call_it_stuck():
    _, told = after([1.0, 1.0, 1.0], every=1000)
    assert told == [None, None, "stuck"]


def test_a_late_start_is_no_failure():
    assert after([1.0, 0.99, 0.95, 0.85, 0.8])[1] == [None] * 5


def test_ten_validations_half_as_wrong_again_are_told_once():
    _, told = after([0.2, 0.1] + [0.16] * (RISING_VALIDATIONS + 2))
    assert told.index("rising") == 1 + RISING_VALIDATIONS
    assert told.count("rising") == 1


def test_a_validation_that_only_jitters_is_no_failure():
    jitter = [0.3, 0.1] + [0.16, 0.14] * 10
    assert set(after(jitter)[1]) == {None}


def test_falling_losses_mean_overfitting_and_rising_ones_an_unstable_training():
    esrs = [0.1] + [0.5] * RISING_VALIDATIONS
    count = len(esrs)
    fell, _ = after(esrs, losses=np.linspace(1, 0.1, count).tolist())
    rose, _ = after(esrs, losses=np.linspace(1, 9, count).tolist())
    assert cause_of("rising", fell, ()) == "overfitting"
    assert cause_of("rising", rose, ()) == "unstable"


@pytest.mark.parametrize(
    ("x", "y", "cause"),
    [
        (X, Y, "dead"),
        (X, amp(noise(48_000, seed=1)), "unrelated"),
        (X[4000:], Y[:-4000], "misaligned"),
        (X[:-4000], Y[4000:], "misaligned"),
    ],
    ids=["dead", "other take", "late", "early"],
)
def test_what_is_behind_a_stuck_training_is_read_off_the_recording(x, y, cause):
    heard = [passage(Capture(x, y), 10)]
    assert cause_of("stuck", Progress(), heard) == cause


def test_one_that_has_begun_to_learn_is_slow_and_not_dead():
    begun, _ = after([1.0, 0.99, 0.98, 0.97])
    assert cause_of("stuck", begun, [passage(Capture(X, Y), 10)]) == "slow"


@pytest.mark.parametrize("cause", [*STUCK, *RISING])
def test_every_cause_is_told_with_what_to_do(cause):
    progress, _ = after([0.95] * 4)
    text = seen(cause, progress)
    assert text.endswith(".")
    expected = f"After {STUCK_STEPS} steps" if cause in STUCK else "step 100"
    assert expected in text


def test_going_back_forgets_all_but_the_best_and_what_was_told():
    progress, _ = after([0.1, 0.2, 0.3])
    back = gone_back(dataclasses.replace(progress, warned=[["dead", 7, 0]]), good=True)
    assert (back.step, back.best_step, back.best_esr, back.stale) == (100, 100, 0.1, 0)
    assert back.rate_factor == RESTART_FACTOR
    assert back.warned == [["dead", 7, 0]]
    assert gone_back(back, good=False).step == 0
