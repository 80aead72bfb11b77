"""The demo capture: no files, a fair split, more than a filter can learn."""

import json

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz

from jaxamp.core import ConfigError, compile_cache
from jaxamp.core.compile_cache import Programs
from jaxamp.data.demo import demo


@pytest.fixture(scope="module")
def recording():
    return demo()


def whole(recording):
    before, after = recording.train
    pieces = (before, *recording.validation, after)
    x = np.concatenate([piece.input for piece in pieces])
    y = np.concatenate([piece.target for piece in pieces])
    return x, y


def filtered(x, taps):
    length = 1 << (len(x) + len(taps)).bit_length()
    spectrum = np.fft.rfft(x, length) * np.fft.rfft(taps, length)
    return np.fft.irfft(spectrum)[: len(x)]


def best_filter(x, y, taps=2048):
    """Least-squares taps, by the normal equations of the correlations."""
    length = 1 << (len(x) + taps).bit_length()
    spectrum = np.fft.rfft(x, length)
    own = np.fft.irfft(np.abs(spectrum) ** 2)[:taps]
    mutual = np.fft.irfft(np.conj(spectrum) * np.fft.rfft(y, length))[:taps]
    own[0] *= 1 + 1e-9
    return solve_toeplitz(own, mutual)


def test_the_best_filter_leaves_a_tenth_of_the_energy_wrong(recording):
    x, y = (audio.astype(np.float64) for audio in whole(recording))
    wrong = y - filtered(x, best_filter(x, y))
    assert np.sum(wrong**2) / np.sum(y**2) > 0.1


def test_the_pieces_join_to_the_whole_without_overlap(recording):
    x, _ = whole(recording)
    assert len(x) == round(recording.findings["seconds"] * recording.sample_rate)
    for piece in (*recording.train, *recording.validation):
        begin = len(piece.context)
        assert len(piece.input) == len(piece.target)
        np.testing.assert_array_equal(piece.context, x[:begin])
        np.testing.assert_array_equal(piece.input, x[begin : begin + len(piece.input)])


def test_the_findings_say_where_the_validation_lies(recording):
    findings = json.loads(json.dumps(recording.findings, allow_nan=False))
    (validation,) = recording.validation
    start = findings["validation_start_seconds"] * recording.sample_rate
    end = findings["validation_end_seconds"] * recording.sample_rate
    assert len(validation.context) == start
    assert len(validation.input) == end - start == 6 * recording.sample_rate


def test_the_validation_is_as_loud_as_the_rest(recording):
    (validation,) = recording.validation
    _, y = whole(recording)
    assert 0.5 < np.std(validation.target) / np.std(y) < 2


def test_the_default_peak_leaves_headroom(recording):
    assert -6.5 < recording.findings["target"]["peak_dbfs"] < -3


def test_a_short_demo_still_has_both_sides():
    short = demo(seconds=4, validation_seconds=1)
    assert [len(piece.input) for piece in short.train] == [72_000, 72_000]
    assert len(short.validation[0].input) == 48_000
    assert all(np.any(piece.input) for piece in (*short.train, *short.validation))


@pytest.mark.parametrize(
    "lengths",
    [{"validation_seconds": 0}, {"validation_seconds": 60}, {"seconds": 3}],
)
def test_a_split_that_leaves_nothing_is_refused(lengths):
    with pytest.raises(ConfigError, match="validation_seconds"):
        demo(**lengths)


def test_a_knob_beyond_its_stops_is_refused():
    with pytest.raises(ConfigError, match="gain knob"):
        demo(gain=11, seconds=4, validation_seconds=1)


def test_a_level_of_zero_still_has_findings_json_can_hold():
    mute = demo(level=0, seconds=4, validation_seconds=1)
    assert json.loads(json.dumps(mute.findings, allow_nan=False)) == mute.findings


def test_what_is_kept_is_what_was_played(tmp_path, monkeypatch):
    kept = Programs(tmp_path)
    monkeypatch.setattr(compile_cache, "in_use", lambda: None)
    played = demo(seconds=4, validation_seconds=1)
    monkeypatch.setattr(compile_cache, "in_use", lambda: kept)
    demo(seconds=4, validation_seconds=1)
    assert len(list(tmp_path.iterdir())) == 1
    again = demo(seconds=4, validation_seconds=1)
    np.testing.assert_array_equal(again.train[1].target, played.train[1].target)
    demo(seconds=4, validation_seconds=1, gain=0.6)
    assert len(list(tmp_path.iterdir())) == 2, "another amp is not taken for it"
