"""Levels against pyloudnorm and by hand."""

import math

import numpy as np
import pyloudnorm
import pytest

from jaxamp.dsp import level

RANDOM = np.random.default_rng(5)


def test_a_full_scale_sine_is_three_decibels_below_its_peak():
    turn = np.sin(2 * np.pi * np.arange(1000) / 1000)
    assert level.decibels(level.rms(turn)) == pytest.approx(-10 * math.log10(2))


def test_decibels_and_amplitude_undo_each_other():
    assert level.decibels(level.amplitude(-18)) == pytest.approx(-18)
    assert level.decibels(0) == -math.inf


def test_rms_of_single_precision_audio_is_summed_in_double():
    assert level.rms(np.full(10**6, 0.1, np.float32)) == pytest.approx(
        float(np.float32(0.1)), rel=1e-12
    )


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
def test_lufs_agrees_with_pyloudnorm_through_both_gates(sample_rate):
    loud, soft, quiet = (
        g * RANDOM.standard_normal(2 * sample_rate) for g in (0.1, 0.02, 1e-6)
    )
    x = np.concatenate([quiet, loud, soft, quiet, loud])
    expected = pyloudnorm.Meter(sample_rate).integrated_loudness(x)
    assert level.lufs(x, sample_rate) == pytest.approx(expected, abs=1e-3)


def test_the_meter_does_not_care_where_the_pieces_end():
    x = 0.1 * RANDOM.standard_normal(70_001)
    meter = level.LoudnessMeter(48_000)
    for piece in np.split(x, [1, 2, 4_800, 30_000, 30_000, 69_999]):
        meter.update(piece)
    assert meter.result() == pytest.approx(level.lufs(x, 48_000), abs=1e-9)


def test_less_than_a_block_is_measured_as_one():
    x = 0.1 * RANDOM.standard_normal(19_200)
    assert level.lufs(x[:19_199], 48_000) == pytest.approx(
        level.lufs(x, 48_000), abs=1e-3
    )


def test_silence_reads_the_gate():
    assert level.lufs(np.zeros(48_000), 48_000) == -70
    assert level.lufs(np.zeros(0), 48_000) == -70
