"""The capture signal is the same everywhere, and known again in other files."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jaxamp.cli.main import main
from jaxamp.core import CaptureError
from jaxamp.data.audio import Audio, read_audio
from jaxamp.data.capture_signal import (
    FULL_SCALE,
    HEAD_LENGTH,
    SAMPLE_RATE,
    SIGNAL_SHA256,
    TAIL_LENGTH,
    capture_signal,
    recognised,
    sha256,
)
from jaxamp.data.layouts import STANDARD, standard
from jaxamp.dsp.blips import blips


@pytest.fixture(scope="module")
def signal():
    return capture_signal()


@pytest.fixture(scope="module")
def samples(signal):
    return (signal.numbers / FULL_SCALE).astype(np.float32)


def own(seconds, rate=SAMPLE_RATE):
    count = round(seconds * rate)
    audio = 0.3 * np.sin(0.03 * np.arange(count)).astype(np.float32)
    return Audio(Path("own.wav"), rate, count, 1, "FLOAT", audio)


def test_version_1_0_is_these_numbers(signal):
    assert sha256(signal.numbers) == SIGNAL_SHA256
    assert signal.layout.version == "1.0"


def test_the_parts_follow_each_other_and_sound_as_they_are_called(signal, samples):
    end = 0
    for name, start, stop in signal.layout.parts:
        assert start == end
        end = stop
        assert np.any(samples[start:stop]) == (name != "silence")
    assert end == len(samples)


def test_both_validation_passages_are_the_same_and_not_trained_on(signal, samples):
    (_, a, b), (_, c, d) = signal.layout.of("validation")
    np.testing.assert_array_equal(samples[a:b], samples[c:d])
    start, stop = signal.layout.train
    assert b <= start < stop <= c
    assert signal.layout.validation == (c, d)


def test_the_clicks_are_found_as_blips_where_the_parts_say(signal, samples):
    places = [part.start for part in signal.layout.of("blip")]
    assert blips(samples, (-1000, 10_000)) == places


def test_each_noise_is_four_times_as_loud_as_the_last(signal, samples):
    levels = [np.std(samples[a:b]) for _, a, b in signal.layout.of("noise")]
    # The quietest has a step of rounding a ten-thousandth of its RMS.
    np.testing.assert_allclose(np.divide(levels[1:], levels[:-1]), 4, rtol=1e-3)


def test_it_is_recognised_with_silence_around_or_cut_off(signal, samples):
    assert recognised(samples, SAMPLE_RATE) == signal.layout
    padded = np.concatenate([np.zeros(777, np.float32), samples, np.zeros(50)])
    assert recognised(padded, SAMPLE_RATE) == signal.layout.later(777)
    cut = samples[1 : len(samples) - 20_000]
    assert recognised(cut, SAMPLE_RATE).validation == tuple(
        place - 1 for place in signal.layout.validation
    )


def test_a_missing_end_leaves_the_rest_known(signal, samples):
    head = recognised(samples[:2_000_000], SAMPLE_RATE)
    assert head.validation is None
    assert head.of("noise") == signal.layout.of("noise")
    assert head.train[1] == 2_000_000
    tail = recognised(samples[3_000_000:], SAMPLE_RATE)
    assert tail.of("noise") == []
    assert tail.validation[0] == signal.layout.validation[0] - 3_000_000
    assert tail.train[0] == 0


def test_other_samples_are_another_signal(samples):
    changed = samples[:1_000_000].copy()
    changed[HEAD_LENGTH - 5] += 2.0**-23
    assert recognised(changed, SAMPLE_RATE) is None
    assert recognised(samples, 44_100) is None
    assert recognised(np.zeros(9, np.float32), SAMPLE_RATE) is None


def test_own_playing_stands_between_the_same_head_and_tail(signal):
    mine = capture_signal(own(12))
    assert len(mine.numbers) == HEAD_LENGTH + 12 * SAMPLE_RATE + TAIL_LENGTH
    np.testing.assert_array_equal(
        mine.numbers[:HEAD_LENGTH], signal.numbers[:HEAD_LENGTH]
    )
    known = recognised((mine.numbers / FULL_SCALE).astype(np.float32), SAMPLE_RATE)
    assert known == mine.layout


@pytest.mark.parametrize(
    ("playing", "message"),
    [
        (own(12, 44_100), r"own\.wav has 44100 Hz"),
        (own(2), r"own\.wav is 2\.0 s long; 10 to 1800 s"),
    ],
)
def test_playing_that_makes_no_signal_is_refused(playing, message):
    with pytest.raises(CaptureError, match=message):
        capture_signal(playing)


def test_the_command_writes_24_bits_and_where_the_parts_are(tmp_path, signal, capsys):
    file = tmp_path / "signal.wav"
    assert main(["signal", str(file)]) == 0
    audio = read_audio(file)
    assert audio.subtype == "PCM_24"
    np.testing.assert_array_equal(audio.samples * FULL_SCALE, signal.numbers)
    told = json.loads((tmp_path / "signal.parts.json").read_text())
    assert told["sha256_of_samples"] == SIGNAL_SHA256
    assert told["parts"][-1]["end"] == told["samples"] == len(audio.samples)


def test_the_command_leaves_nothing_when_the_playing_is_refused(tmp_path, capsys):
    short = tmp_path / "short.wav"
    soundfile.write(short, own(1).samples, SAMPLE_RATE)
    assert main(["signal", str(tmp_path / "s.wav"), "--playing", str(short)]) == 2
    assert "1.0 s long" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["short.wav"]


def test_the_standard_inputs_train_and_validate_where_their_table_says():
    layouts = {known[0]: standard(md5, 9_120_000) for md5, known in STANDARD.items()}
    assert layouts["3.0.0"].train == (480_000, 8_688_000)
    assert layouts["3.0.0"].validation == (8_688_000, 9_120_000)
    assert layouts["2.0.0"].train == (0, 8_160_000)
    assert layouts["2.0.0"].validation == (8_160_000, 8_592_000)
    assert layouts["Proteus"].sample_rate == 44_100
    assert layouts["1.0.0"].validation == layouts["1.1.1"].validation
    assert standard("0" * 32, 9_120_000) is None
    for layout in layouts.values():
        validated = layout.validation
        assert layout.train[1] <= validated[0]
