"""Reported numbers: known answers, and pieces against the whole."""

import itertools
import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxamp import losses, metrics

RATE = 48_000
RANDOM = np.random.default_rng(3)
TARGET = (0.2 * RANDOM.standard_normal(50_000)).astype(np.float32)
PREDICTION = (np.tanh(TARGET) + 0.001).astype(np.float32)
WHOLE = metrics.report(PREDICTION, TARGET, RATE)


def test_half_amplitude_has_a_quarter_of_the_energy_wrong():
    assert metrics.esr(TARGET / 2, TARGET) == pytest.approx(0.25, rel=1e-12)
    assert metrics.esr(TARGET / 2, TARGET, pre_emphasis=0.95) == pytest.approx(0.25)


def test_silence_is_wholly_wrong_and_flipped_polarity_four_times():
    assert metrics.esr(0 * TARGET, TARGET) == 1
    assert metrics.esr(-TARGET, TARGET) == 4


def test_half_amplitude_is_six_decibels_quieter():
    difference = metrics.lufs_difference(TARGET / 2, TARGET, RATE)
    assert difference == pytest.approx(20 * math.log10(0.5), abs=1e-6)


def test_a_perfect_prediction_scores_zero_throughout():
    assert set(metrics.report(TARGET, TARGET, RATE).values()) == {0.0}


def test_silence_for_silence_is_perfect_and_anything_else_infinitely_wrong():
    quiet = np.zeros(30_000, np.float32)
    assert set(metrics.report(quiet, quiet, RATE).values()) == {0.0}
    assert metrics.esr(quiet + 1e-3, quiet) == math.inf


def test_a_signal_of_no_samples_scores_zero():
    nothing = np.zeros(0, np.float32)
    assert set(metrics.report(nothing, nothing, RATE).values()) == {0.0}


@given(st.lists(st.integers(0, 50_000), max_size=8))
@settings(max_examples=15, deadline=None)
def test_pieces_give_the_numbers_of_the_whole(cuts):
    scores = metrics.Scores(RATE)
    edges = [0, *sorted(cuts), len(TARGET)]
    for start, end in itertools.pairwise(edges):
        scores.update(PREDICTION[start:end], TARGET[start:end])
    assert scores.result() == pytest.approx(WHOLE, rel=1e-9, abs=1e-15)


def test_single_samples_give_the_numbers_of_the_whole():
    scores, short = metrics.Scores(RATE), slice(0, 700)
    for prediction, target in zip(PREDICTION[short], TARGET[short], strict=True):
        scores.update([prediction], [target])
    expected = metrics.report(PREDICTION[short], TARGET[short], RATE)
    assert scores.result() == pytest.approx(expected, rel=1e-9)


def test_asking_for_the_result_midway_does_not_change_it():
    scores = metrics.Scores(RATE)
    for start in range(0, len(TARGET), 7_000):
        piece = slice(start, start + 7_000)
        scores.update(PREDICTION[piece], TARGET[piece])
        scores.result()
    assert scores.result() == pytest.approx(WHOLE, rel=1e-9)


@pytest.mark.parametrize("name", ["esr", "mse", "mae", "dc", "mrstft"])
@pytest.mark.parametrize("length", [50_000, 1_201, 301])
def test_metrics_agree_with_the_losses_of_the_same_name(name, length):
    prediction, target = PREDICTION[:length], TARGET[:length]
    loss = jax.jit(losses.LOSSES[name])(prediction[None, None], target[None, None])
    metric = getattr(metrics, name)(prediction, target)
    # The losses sum in single precision.
    assert metric == pytest.approx(float(loss[0]), rel=1e-4)


def test_the_report_holds_the_metrics_by_name():
    assert WHOLE["esr"] == metrics.esr(PREDICTION, TARGET)
    emphasised = metrics.esr(PREDICTION, TARGET, pre_emphasis=0.95)
    assert WHOLE["esr_pre_emphasised"] == emphasised
    assert WHOLE["mrstft"] == metrics.mrstft(PREDICTION, TARGET)
    difference = metrics.lufs_difference(PREDICTION, TARGET, RATE)
    assert WHOLE["lufs_difference"] == difference
