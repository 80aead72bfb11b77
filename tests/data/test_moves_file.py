"""Moves of knobs out of a file: what they are, and what is refused with its line."""

import numpy as np
import pytest
from knobbed import KNOBBED
from tiny import LSTM, RATE

from jaxamp.core import ConfigError
from jaxamp.data import automation as module
from jaxamp.data.automation import automation, read_automation
from jaxamp.dsp.moves import Way

MODEL = KNOBBED["lstm with two knobs"]
HEAD = "seconds,knob,value\n"


def read(tmp_path, text, settings=None, model=MODEL, **options):
    file = tmp_path / "moves.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_automation(file, model, settings, **options)


def test_points_are_joined_and_knobs_without_points_stay(tmp_path):
    # A spreadsheet's mark at the begin, its ends of lines, empty lines, spaces.
    text = "\ufeffSeconds, knob, value\r\n1, tone, 0.2\r\n\r\n2, tone, 0.8\r\n,,\r\n"
    moving = read(tmp_path, text, {"gain": 0.9}, smoothing_seconds=0.0)
    y = moving(RATE // 2, 3 * RATE)
    np.testing.assert_array_equal(y[0], np.float32(0.9))
    seconds = np.arange(RATE // 2, 3 * RATE) / RATE
    np.testing.assert_allclose(y[1], np.interp(seconds, [1, 2], [0.2, 0.8]), atol=1e-6)
    assert (moving.moves(), moving.moved) == ([(RATE, 2 * RATE + 1)], ("tone",))
    np.testing.assert_array_equal(moving(1000, 1010), moving(0, 2000)[:, 1000:1010])


def test_a_knob_that_is_set_begins_there(tmp_path):
    moving = read(tmp_path, HEAD + "1,gain,1\n", {"gain": 0.5}, smoothing_seconds=0.0)
    np.testing.assert_allclose(moving(RATE // 2, RATE // 2 + 1)[0], 0.75)
    with pytest.raises(ConfigError, match=r"to 0.5 to begin with, and to 1 at 0 s by"):
        read(tmp_path, HEAD + "0,gain,1\n", {"gain": 0.5})


def test_corners_are_rounded_unless_told_otherwise(tmp_path):
    text = HEAD + "1,gain,0\n1,gain,1\n"
    usual, sharp = read(tmp_path, text), read(tmp_path, text, smoothing_seconds=0.0)
    assert np.abs(np.diff(usual(0, 2 * RATE)[0])).max() < 1.6 / (0.02 * RATE)
    np.testing.assert_array_equal(sharp(RATE - 1, RATE + 1)[0], [0, 1])
    same = automation(MODEL, {"gain": [(1, 0), (1, 1)]})
    np.testing.assert_array_equal(same(0, 2 * RATE), usual(0, 2 * RATE))
    way = Way([RATE, RATE], [0, 1], 0.02 * RATE)
    np.testing.assert_array_equal(usual(0, 2 * RATE)[0], way.between(0, 2 * RATE))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with ''"),
        ("1,gain,0.5\n", "begins with '1,gain,0.5', not with seconds,knob,value"),
        ("seconds;knob;value\n1;gain;0.5\n", "It should have the line"),
        (HEAD, "has 0 points"),
        (HEAD + "1,gain\n", "line 2: 2 columns instead of 3"),
        (HEAD + "\n1,drive,0.5\n", "line 3: .*'drive'; its knobs are gain, tone"),
        (HEAD + "soon,gain,1\n", "line 2: seconds is 'soon', which is no number"),
        (HEAD + "1,gain,loud\n", "line 2: value is 'loud'"),
        (HEAD + "1,gain,0\n2,gain,1.5\n", "line 3: knob 'gain' was set to 1.5.*0 to 1"),
        (HEAD + "1,gain,nan\n", "0 to 1"),
        (HEAD + "-1,gain,0\n", "line 2: -1 s must be"),
        (HEAD + "inf,gain,0\n", "line 2: inf s"),
        (
            HEAD + "2,gain,0\n1,tone,0\n1,gain,0\n",
            "line 4: .*back in time, from 2 to 1",
        ),
        (HEAD + "1,gain,0\n" * 3, "line 4: a third value of knob 'gain' at 1 s"),
        (HEAD + '1,"gain,0\n', "cannot be read as CSV"),
        (b"\xff\xfe\x00", "cannot be read as CSV"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_line(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, text)


def test_what_is_too_large_or_not_there_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="larger than"):
        read(tmp_path, HEAD + " " * (5 << 20))
    monkeypatch.setattr(module, "MOST_POINTS", 3)
    with pytest.raises(ConfigError, match="has 4 points; 1 to 3 are read"):
        read(tmp_path, HEAD + "1,gain,0\n" * 4)
    with pytest.raises(ConfigError, match="No such file"):
        read_automation(tmp_path / "none.csv", MODEL)


def test_what_cannot_move_or_be_rounded_so_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no knobs at all"):
        read(tmp_path, HEAD + "1,gain,0\n", model=LSTM)
    with pytest.raises(ConfigError, match="no knobs"):
        automation(LSTM, {})
    with pytest.raises(ConfigError, match=r"'drive'.*gain, tone"):
        automation(MODEL, {"drive": [(0, 0)]})
    for seconds in (-1, 11, float("nan")):
        with pytest.raises(ConfigError, match="smoothing over"):
            read(tmp_path, HEAD + "1,gain,0\n", smoothing_seconds=seconds)
