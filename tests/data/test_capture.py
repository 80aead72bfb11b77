"""Files become an aligned, split recording, or a sentence that says why not."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from jaxamp.core import CaptureError, ConfigError
from jaxamp.data import capture
from jaxamp.data.audio import Audio
from jaxamp.data.capture_signal import FULL_SCALE, capture_signal

RATE = 48_000
SECONDS = 5
DATA = os.environ.get("JAXAMP_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="JAXAMP_DATA is not set")


def noise(seconds=SECONDS, seed=0):
    rng = np.random.default_rng(seed)
    b, a = scipy.signal.butter(1, 2000, "low", fs=RATE)
    return 0.2 * scipy.signal.lfilter(b, a, rng.standard_normal(int(seconds * RATE)))


def answer(audio, delay):
    return np.concatenate([np.zeros(delay), np.tanh(2 * audio)])[: len(audio)]


def write(path, audio, rate=RATE, subtype="FLOAT"):
    soundfile.write(path, audio, rate, subtype=subtype)
    return str(path)


@pytest.fixture
def pair(tmp_path):
    x = noise()
    return (
        write(tmp_path / "in.wav", x),
        write(tmp_path / "out.wav", answer(x, 100)),
    )


def test_every_target_sample_answers_its_input_after_alignment(pair):
    for delay in ("auto", 100):
        recording = capture(*pair, delay=delay)
        applied = recording.findings["pairs"][0]["delay"]["applied"]
        assert applied in (99, 100)
        for each in recording.train + recording.validation:
            late = 100 - applied
            expected = np.tanh(2 * each.input[: len(each.input) - late])
            np.testing.assert_allclose(each.target[late:][1:], expected[1:], atol=1e-6)
            assert each.input.dtype == each.target.dtype == np.float32


def test_validation_is_the_end_and_its_context_the_input_before(pair):
    recording = capture(*pair, delay=100, validation_seconds=0.5)
    (train,), (validation,) = recording.train, recording.validation
    whole, _ = soundfile.read(pair[0], dtype="float32")
    used = whole[: len(whole) - 100]
    np.testing.assert_array_equal(np.r_[train.input, validation.input], used)
    assert len(validation.input) == RATE // 2
    assert len(validation.context) == 2 * RATE
    np.testing.assert_array_equal(validation.context, train.input[-2 * RATE :])
    found = recording.findings["pairs"][0]
    assert found["train"]["end_seconds"] == found["validation"]["start_seconds"]
    assert abs(found["validation"]["end_seconds"] - len(used) / RATE) < 1e-9


def test_a_short_recording_keeps_four_fifths_for_training(pair):
    recording = capture(*pair, delay=0)
    assert len(recording.validation[0].input) == RATE * SECONDS // 5
    assert "1.00 s validate" in recording.findings["warnings"][0]


def test_several_pairs_train_whole_but_for_the_end_of_the_last(pair):
    pairs = [
        {"input": pair[0], "target": pair[1]},
        {"input": pair[0], "target": pair[1], "delay": 100},
    ]
    recording = capture(pairs=pairs, validation_seconds=0.25)
    assert len(recording.train) == 2
    assert len(recording.train[0].input) - len(recording.train[1].input) in (
        RATE // 4,
        RATE // 4 + 1,
    )
    assert recording.findings["pairs"][0]["delay"]["method"] == "signals"
    assert recording.findings["pairs"][1]["delay"]["method"] == "given"


def test_validation_files_of_their_own_are_used_whole(pair, tmp_path):
    x = noise(2, seed=1)
    mine = (
        write(tmp_path / "vin.wav", x),
        write(tmp_path / "vout.wav", answer(x, 100)),
    )
    recording = capture(
        *pair, delay=100, validation_input=mine[0], validation_target=mine[1]
    )
    assert len(recording.train[0].input) == SECONDS * RATE - 100
    assert len(recording.validation[0].input) == 2 * RATE - 100
    assert len(recording.validation[0].context) == 0


def test_normalising_scales_all_targets_by_one_gain(pair):
    plain = capture(*pair, delay=100)
    recording = capture(*pair, delay=100, normalize_dbfs=-18)
    rms = np.sqrt(np.mean(recording.train[0].target.astype(float) ** 2))
    assert abs(20 * np.log10(rms) + 18) < 1e-3
    np.testing.assert_allclose(
        recording.validation[0].target,
        plain.validation[0].target * recording.target_gain,
        rtol=1e-6,
    )
    np.testing.assert_array_equal(recording.train[0].input, plain.train[0].input)


def test_findings_are_json_and_name_the_files(pair):
    findings = json.loads(json.dumps(capture(*pair).findings))
    told = findings["pairs"][0]["target"]
    assert told["file"] == "out.wav"
    assert told["md5"] == hashlib.md5(Path(pair[1]).read_bytes()).hexdigest()
    assert findings["pairs"][0]["delay"]["method"] == "signals"


def test_an_inverting_amp_is_kept_and_told(pair, tmp_path):
    flipped = write(tmp_path / "flipped.wav", -answer(noise(), 100))
    recording = capture(pair[0], flipped)
    assert recording.findings["pairs"][0]["delay"]["polarity"] == -1
    assert any("polarity -1" in text for text in recording.findings["warnings"])
    assert (
        np.corrcoef(recording.train[0].input[:-1], recording.train[0].target[1:])[0, 1]
        < 0
    )


def test_rates_that_differ_are_refused(pair, tmp_path):
    other = write(tmp_path / "other.wav", noise(), rate=44_100)
    with pytest.raises(CaptureError, match=r"sample rates differ.*48000.*44100"):
        capture(pair[0], other)
    slow = [(pair[0], pair[1]), (other, other)]
    with pytest.raises(CaptureError, match="pairs differ in sample rate"):
        capture(pairs=[{"input": a, "target": b, "delay": 0} for a, b in slow])


def test_a_longer_recording_is_refused_unless_trimmed(pair, tmp_path):
    longer = write(tmp_path / "longer.wav", answer(noise(7), 100))
    with pytest.raises(CaptureError, match=r"96000 samples \(2000\.0 ms\) longer"):
        capture(pair[0], longer, delay=100)
    for allowed in ({"trim": True}, {"ignore_checks": ["lengths"]}):
        recording = capture(pair[0], longer, delay=100, **allowed)
        assert recording.findings["pairs"][0]["seconds"] == SECONDS


def test_clipping_is_refused_unless_waived(pair, tmp_path):
    loud = np.clip(8 * answer(noise(), 100), -1, 1)
    clipped = write(tmp_path / "loud.wav", loud, subtype="PCM_16")
    with pytest.raises(CaptureError, match=r"loud\.wav clips: \d+ samples"):
        capture(pair[0], clipped)
    recording = capture(pair[0], clipped, ignore_checks=["clipping"])
    assert any("clips" in text for text in recording.findings["warnings"])


def test_another_take_is_refused_by_name(pair, tmp_path):
    other = write(tmp_path / "other.wav", answer(noise(seed=9), 0))
    with pytest.raises(CaptureError, match=r"in\.wav and other\.wav: No delay"):
        capture(pair[0], other)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "No recording is given"),
        ({"input": "a.wav"}, "input is given without target"),
        ({"target": "a.wav"}, "target is given without input"),
        ({"input": "a", "target": "b", "pairs": [{}]}, "Both pairs and input/target"),
        ({"pairs": [{"input": "a"}]}, "each pair is"),
        ({"pairs": [{"input": "a", "target": "b", "gain": 1}]}, "the key 'gain'"),
        ({"input": "a", "target": "b", "delay": 1.5}, r"delay=1\.5 is neither auto"),
        ({"input": "a", "target": "b", "delay": True}, "delay=True is neither auto"),
        ({"input": "a", "target": "b", "validation_input": "c"}, "belong together"),
        ({"input": "a", "target": "b", "validation_seconds": 0}, "must lie above 0"),
        (
            {"input": "a", "target": "b", "ignore_checks": ["x"]},
            "clipping, drift, lengths",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_a_config_error(given, message):
    with pytest.raises(ConfigError, match=message):
        capture(**given)


def test_a_level_above_full_scale_is_refused(pair):
    with pytest.raises(ConfigError, match="normalize_dbfs=18"):
        capture(*pair, delay=100, normalize_dbfs=18)


def test_a_delay_longer_than_the_file_leaves_nothing(pair):
    with pytest.raises(CaptureError, match="Nothing is left"):
        capture(*pair, delay=10**6)


@needs_data
def test_a_published_capture_is_aligned_and_split():
    folder = Path(DATA or "")
    recording = capture(str(folder / "dry.flac"), str(folder / "wet/od_ts9.flac"))
    assert recording.sample_rate == RATE
    assert recording.findings["pairs"][0]["delay"]["applied"] in (2, 3, 4)
    assert len(recording.validation[0].input) == 9 * RATE
    assert len(recording.validation[0].context) == 2 * RATE


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The capture signal around twelve seconds of noise, and its answer 100 late."""
    folder = tmp_path_factory.mktemp("known")
    own = noise(12).astype(np.float32)
    signal = capture_signal(Audio(Path("own.wav"), RATE, len(own), 1, "FLOAT", own))
    x = signal.numbers / FULL_SCALE
    return (
        signal.layout,
        write(folder / "in.wav", x),
        write(folder / "out.wav", answer(x, 100)),
    )


def test_a_known_signal_trains_on_its_parts_and_validates_on_its_passage(known):
    layout, input, target = known
    recording = capture(input, target)
    (train,), (validation,) = recording.train, recording.validation
    whole, _ = soundfile.read(input, dtype="float32")
    np.testing.assert_array_equal(train.input, whole[slice(*layout.train)])
    np.testing.assert_array_equal(validation.input, whole[slice(*layout.validation)])
    start = layout.validation[0]
    np.testing.assert_array_equal(validation.context, whole[start - 2 * RATE : start])
    found = recording.findings["pairs"][0]
    assert found["checks"]["signal"] == layout.title
    assert found["validation"]["start_seconds"] == start / RATE


def test_seconds_that_are_asked_for_split_a_known_signal_like_any_other(known):
    _, input, target = known
    recording = capture(input, target, validation_seconds=3)
    length = len(recording.train[0].input) + len(recording.validation[0].input)
    assert len(recording.validation[0].input) == 3 * RATE
    applied = recording.findings["pairs"][0]["delay"]["applied"]
    assert length == len(soundfile.read(input)[0]) - applied


def test_validation_files_of_their_own_leave_a_known_signal_its_training(known, pair):
    layout, input, target = known
    recording = capture(
        input, target, validation_input=pair[0], validation_target=pair[1]
    )
    start, end = layout.train
    assert len(recording.train[0].input) == end - start


def test_a_recording_that_stops_before_the_passage_validates_on_its_end(known):
    layout, input, target = known
    x, _ = soundfile.read(input, dtype="float32")
    y, _ = soundfile.read(target, dtype="float32")
    folder = Path(input).parent
    early = layout.validation[0] - RATE
    pair = write(folder / "a.wav", x), write(folder / "b.wav", y[:early])
    recording = capture(*pair, trim=True)
    (train,), (validation,) = recording.train, recording.validation
    length = early - recording.findings["pairs"][0]["delay"]["applied"]
    assert len(validation.input) == min(int(0.2 * length), 9 * RATE)
    assert len(train.input) + len(validation.input) < early
