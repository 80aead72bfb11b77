"""A pair is looked over: every fault by its name, and clean pairs in peace."""

import json
from pathlib import Path

import numpy as np
import pytest
from plucked import RATE, amp, late, playing, stretched

from jaxamp.core import CaptureError
from jaxamp.data import capture_signal as signals
from jaxamp.data.audio import Audio
from jaxamp.data.checks import settle
from jaxamp.data.examine import examine

STEP = 2.0**-23
DI = playing(24)
DI[: RATE // 2] = 0
WET = late(amp(DI), 100)


def audio(samples, name="out.wav") -> Audio:
    samples = np.asarray(np.rint(np.asarray(samples) / STEP) * STEP, np.float32)
    return Audio(Path(name), RATE, len(samples), 1, "PCM_24", samples)


def looked_over(target, input=DI, **options):
    return examine(audio(input, "in.wav"), audio(target), **options)


def said(found):
    return {one.check: one.severity for one in found.findings}


@pytest.fixture(scope="module")
def known():
    """The project's signal around twelve seconds of playing, and its answer."""
    signal = signals.capture_signal(audio(playing(12), "own.wav"))
    x = (signal.numbers / signals.FULL_SCALE).astype(np.float32)
    return signal.layout, x, amp(x)


def test_nothing_is_said_of_a_clean_pair():
    found = looked_over(WET)
    assert said(found) == {}
    assert found.applied == 99
    assert found.layout is None


def test_a_known_signal_is_recognised_and_its_passages_compared(known):
    layout, x, y = known
    found = looked_over(late(y, 480), x)
    assert said(found) == {}
    assert found.layout == layout
    assert (found.measured["delay_method"], found.delay.samples) == ("blips", 480)
    assert found.measured["drift_method"] == "passages"
    assert found.measured["replicate_esr"] < 1e-9  # both are rounded to 24 bits


def test_independent_noise_counts_twice_in_the_replicate_esr(known):
    layout, x, y = known
    first, _ = layout.of("validation")
    level = 0.01 * np.sqrt(np.mean(y[first.start : first.end] ** 2))
    noise = level * np.random.default_rng(0).standard_normal(len(y))
    found = looked_over(y + noise, x)
    assert abs(found.measured["replicate_esr"] / (2 * 0.01**2) - 1) < 0.02


def test_a_knob_moved_between_the_passages_is_fatal(known):
    _, x, y = known
    y = y.copy()
    y[len(y) // 2 :] *= 0.85
    found = looked_over(y, x)
    # (1 - 0.85)^2 / 0.85^2
    assert abs(found.measured["replicate_esr"] - 0.0311) < 1e-3
    assert said(found) == {"replicates": "fatal"}


def test_clocks_apart_are_fatal_and_the_delay_is_the_one_at_the_start(known):
    _, x, y = known
    for input, target in ((DI, WET), (x, late(y, 100))):
        found = looked_over(late(stretched(target, 20), 300), input)
        assert said(found)["drift"] == "fatal"
        assert "replicates" not in said(found), "the drift explains it"
        assert abs(found.measured["drift_ppm"] - 20) < 0.5
        # In the 20 s that are looked at it slides by 19 samples, by 10 to the blips.
        assert 390 <= found.delay.samples <= 412


def test_another_take_has_no_delay_and_that_cannot_be_waived():
    found = looked_over(amp(playing(24, seed=1)))
    assert said(found)["delay"] == "fatal"
    with pytest.raises(CaptureError, match=r"in\.wav and out\.wav: No delay") as error:
        settle(found.findings, ["clipping"])
    assert "ignore_checks" not in str(error.value)


@pytest.mark.parametrize("sign", [1, -1])
def test_polarity_is_a_note(sign):
    found = looked_over(late(sign * amp(DI, 0.5), 9))
    assert found.measured["polarity"] == sign
    assert said(found) == ({} if sign > 0 else {"polarity": "note"})


def test_hum_and_hiss_are_warned_about_by_their_level():
    time = np.arange(len(WET)) / RATE
    hum = 3e-3 * np.sin(2 * np.pi * 50 * time)
    hiss = 2e-3 * np.random.default_rng(7).standard_normal(len(WET))
    assert said(looked_over(WET + hum)) == {"hum": "warning"}
    assert said(looked_over(WET + hiss)) == {"noise": "warning"}
    assert said(looked_over(WET + hum / 50 + hiss / 50)) == {}


def test_clipping_is_fatal_at_full_scale_and_a_warning_below():
    clipped = np.clip(4 * WET, -1, 1 - STEP)
    assert said(looked_over(clipped)) == {"clipping": "fatal"}
    assert said(looked_over(0.5 * clipped)) == {"flat_tops": "warning"}


def test_a_gate_is_a_warning():
    gated = WET.copy()
    gated[10 * RATE : 11 * RATE] = 0
    assert said(looked_over(gated)) == {"gate": "warning"}


def test_a_second_more_and_a_few_samples_less_are_no_fault():
    longer = np.append(WET, np.zeros(RATE))
    assert said(looked_over(longer)) == {"lengths": "note"}
    assert said(looked_over(WET[:-16])) == {"lengths": "note"}
    assert said(looked_over(np.append(longer, np.zeros(200)))) == {"lengths": "fatal"}
    assert said(looked_over(WET[:-200])) == {"lengths": "fatal"}
    assert said(looked_over(WET[:-200], trim=True)) == {}


def test_silence_leaves_nothing_to_measure():
    found = looked_over(0 * WET)
    assert said(found) == {"silence": "fatal"}
    assert found.delay is None


def test_a_given_delay_is_taken_and_the_rest_checked():
    found = looked_over(WET, delay=90)
    assert (found.applied, found.delay) == (90, None)
    assert found.measured["noise_dbfs"] is not None


def test_the_record_is_json_and_says_what_was_waived():
    clipped = np.clip(4 * WET, -1, 1 - STEP)
    record = looked_over(clipped).record(["clipping"])
    told = json.loads(json.dumps(record, allow_nan=False))
    assert told["passed"] is False
    assert [(one["check"], one["waived"]) for one in told["found"]] == [
        ("clipping", True)
    ]
    assert told["signal"] is None


def test_a_recording_of_few_samples_a_second_is_looked_over_too():
    slow = np.ascontiguousarray(DI[::6])
    examined = examine(
        Audio(Path("in.wav"), RATE // 6, len(slow), 1, "PCM_24", slow),
        Audio(Path("out.wav"), RATE // 6, len(slow), 1, "PCM_24", slow),
        delay=0,
    )
    assert not [one for one in examined.findings if one.severity == "fatal"]
