"""Each check fires on what it is for, and on nothing else."""

from pathlib import Path

import numpy as np
import pytest

from jaxamp.core import CaptureError, ConfigError
from jaxamp.data.audio import Audio
from jaxamp.data.checks import (
    check_clipping,
    check_lengths,
    check_pair,
    check_rates,
    check_silence,
    peak_dbfs,
    refuse_unknown_checks,
    rms_dbfs,
)

SINE = (0.5 * np.sin(0.05 * np.arange(4800))).astype(np.float32)


def audio(samples, subtype="PCM_24", rate=48_000, name="a.wav") -> Audio:
    samples = np.asarray(samples, np.float32)
    return Audio(Path(name), rate, len(samples), 1, subtype, samples)


def test_rates_that_differ_are_both_named():
    with pytest.raises(CaptureError, match=r"in\.wav has 48000 Hz, out\.wav has 44100"):
        check_rates(
            audio(SINE, name="in.wav"), audio(SINE, rate=44_100, name="out.wav")
        )


@pytest.mark.parametrize("place", ["input", "target"])
def test_silence_is_refused_in_either_file(place):
    quiet = audio(1e-5 * SINE, name="quiet.wav")
    pair = (quiet, audio(SINE)) if place == "input" else (audio(SINE), quiet)
    with pytest.raises(CaptureError, match=r"quiet\.wav is silent.*-106 dBFS"):
        check_pair(*pair)


def test_digital_silence_has_a_level_too():
    assert peak_dbfs(np.zeros(9, np.float32)) == -200
    finding = check_silence(audio(np.zeros(9)))
    assert finding is not None
    assert finding.check == "silence"


@pytest.mark.parametrize(
    ("subtype", "rail"),
    [("PCM_16", 1 - 2**-15), ("PCM_24", 1 - 2**-23), ("FLOAT", 1.0)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_flat_top_at_full_scale_of_its_depth_clips(subtype, rail, sign):
    samples = SINE.copy()
    samples[960:963] = sign * rail
    with pytest.raises(
        CaptureError,
        match=r"out\.wav clips: 3 samples reach full scale, first at 0.020 s",
    ):
        check_pair(audio(SINE), audio(samples, subtype, name="out.wav"))


def test_the_one_peak_of_a_normalised_file_does_not_clip():
    samples = SINE.copy()
    samples[960] = 1 - 2**-15
    assert check_clipping(audio(samples, "PCM_16")) is None
    samples[961] = 0.9999
    assert check_clipping(audio(samples, "PCM_24")) is None


def test_a_clipped_input_is_the_players_business():
    samples = SINE.copy()
    samples[10:20] = 1
    assert check_pair(audio(samples), audio(SINE)) == []


@pytest.mark.parametrize("difference", [-17, 48_017, 96_000])
def test_lengths_that_differ_say_by_how_much(difference):
    longer = audio(np.resize(SINE, 9600 + difference), name="out.wav")
    finding = check_lengths(audio(np.resize(SINE, 9600)), longer, delay=5)
    assert finding is not None
    assert finding.severity == "fatal"
    assert (
        f"{abs(difference)} samples ({abs(difference) / 48:.1f} ms)" in finding.message
    )
    assert ("longer" if difference > 0 else "shorter") in finding.message
    assert "trim=true" in finding.message


@pytest.mark.parametrize(("difference", "delay"), [(0, 0), (1, 0), (16, 0), (300, 300)])
def test_lengths_within_the_delay_or_a_rounding_pass(difference, delay):
    target = audio(np.resize(SINE, 9600 + difference))
    assert check_lengths(audio(np.resize(SINE, 9600)), target, delay) is None


@pytest.mark.parametrize(
    ("difference", "delay", "message"),
    [
        (17, 0, "17 samples longer than its input, and cut"),
        (48_000, 0, "48000 samples longer"),
        (-16, 0, "16 samples shorter than its input, whose end is left out"),
        (-300, 300, "300 samples shorter"),
    ],
)
def test_a_recorder_need_not_be_stopped_to_the_sample(difference, delay, message):
    target = audio(np.resize(SINE, 9600 + difference))
    finding = check_lengths(audio(np.resize(SINE, 9600)), target, delay)
    assert finding is not None
    assert finding.severity == "note"
    assert message in finding.message


def test_a_waived_check_becomes_a_warning():
    samples = SINE.copy()
    samples[:5] = 1
    warnings = check_pair(audio(SINE), audio(samples), ["clipping"])
    assert len(warnings) == 1
    assert "clips: 5 samples" in warnings[0]


def test_a_refusal_tells_how_to_go_on():
    with pytest.raises(CaptureError, match=r"ignore_checks=\[silence\]"):
        check_pair(audio(0 * SINE), audio(SINE))


def test_an_unknown_check_lists_the_names():
    with pytest.raises(
        ConfigError,
        match=r"'cliping'.*clipping, drift, lengths.*Did you mean clipping",
    ):
        refuse_unknown_checks(["cliping"])
    with pytest.raises(ConfigError, match=r"write a list: \[clipping\]"):
        refuse_unknown_checks("clipping")


def test_a_low_recording_is_warned_about():
    assert "recorded low" in check_pair(audio(SINE), audio(0.01 * SINE))[0]


def test_a_full_sine_has_its_textbook_levels():
    sine = np.sin(2 * np.pi * np.arange(4800) / 48).astype(np.float32)
    assert abs(peak_dbfs(sine)) < 1e-4
    assert abs(rms_dbfs(sine) + 3.0103) < 1e-3
