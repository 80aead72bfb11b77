"""`jaxamp check` says what is wrong, and train acts upon the same."""

import json

import numpy as np
import pytest
import soundfile
from plucked import RATE, amp, late, playing
from runs import TINY, assert_refused, run

from jaxamp.cli.labels import checked

DI = playing(6)
WET = late(amp(DI), 100)
CLIPPED = np.clip(4 * WET, -1, 1)


@pytest.fixture
def files(tmp_path):
    """The paths of a dry file, a clean recording and a clipped one."""
    paths = [tmp_path / f"{name}.wav" for name in ("dry", "wet", "clipped")]
    for path, audio in zip(paths, (DI, WET, CLIPPED), strict=True):
        soundfile.write(path, audio, RATE, subtype="PCM_24")
    return paths


def test_a_clean_pair_may_be_trained_on(files, capsys):
    said = run(capsys, "check", *files[:2])
    assert said.status == 0
    assert "by signals" in said.out
    assert said.out.splitlines()[-1] == "This can be trained on."


def test_a_fatal_fault_is_told_with_what_to_do_and_status_2(files, tmp_path, capsys):
    file = tmp_path / "found.json"
    said = run(capsys, "check", files[0], files[2], "--json", file)
    assert said.status == 2
    assert "fatal: clipping: clipped.wav clips" in said.out
    assert "Lower the interface's input gain" in said.out
    assert "cannot be trained on" in said.out.splitlines()[-1]
    told = json.loads(file.read_text())
    assert (told["usable"], told["passed"]) == (False, False)
    # Flat tops have edges of their own, which blur the arrival; never too late.
    assert 90 <= told["measured"]["delay_samples"] <= 101
    assert told["found"][0]["check"] == "clipping"


def test_an_ignored_fault_leaves_a_usable_pair_that_did_not_pass(
    files, tmp_path, capsys
):
    file = tmp_path / "found.json"
    given = ["--ignore", "clipping,drift", "--json", file]
    said = run(capsys, "check", files[0], files[2], *given)
    assert said.status == 0
    assert "clipping (ignored)" in said.out
    told = json.loads(file.read_text())
    assert (told["usable"], told["passed"]) == (True, False)


def test_a_given_delay_is_not_measured(files, capsys):
    said = run(capsys, "check", *files[:2], "--delay", 42)
    assert said.status == 0
    assert "42 samples, as given" in said.out


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (["--ignore", "clippping"], "Did you mean clipping"),
        (["--delay", "late"], "auto or a number"),
        (["--channel", "3"], "channel=3"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(files, capsys, given, word):
    assert_refused(run(capsys, "check", *files[:2], *given), word)


def test_train_refuses_what_check_calls_fatal_unless_told_to(files, tmp_path, capsys):
    folder = tmp_path / "run"
    tiny = [option for option in TINY if not option.startswith("data.")]
    pair = ["data=capture", f"data.input={files[0]}", f"data.target={files[2]}"]
    command = ["train", *tiny, *pair, "train.steps=2", f"hydra.run.dir={folder}"]
    said = run(capsys, *command)
    assert said.status == 2
    assert "data.ignore_checks" in said.err or "ignore_checks=[clipping]" in said.err
    assert not folder.exists()
    assert run(capsys, *command, "data.ignore_checks=[clipping]").status == 0
    found = json.loads((folder / "capture.json").read_text())["pairs"][0]["checks"]
    assert found["found"][0]["waived"]
    training = json.loads((folder / "model.nam").read_text())["metadata"]["training"]
    assert training["settings"] == {"ignore_checks": True}
    assert training["data"]["checks"] == {
        "version": 0,
        "passed": False,
        "signal": None,
        "faults": ["clipping"],
    }


@pytest.mark.parametrize(
    ("signal", "version"),
    [("standard input 3.0.0", 3), ("jaxamp capture signal 1.0", 0), (None, 0)],
)
def test_only_a_standard_input_has_a_version_that_players_know(signal, version):
    hum = {"check": "hum", "severity": "warning"}
    note = {"check": "polarity", "severity": "note"}
    checks = {"signal": signal, "passed": True, "found": [hum, note]}
    assert checked({"pairs": [{"checks": checks}]}) == {
        "input_version": version,
        "input_name": signal,
        "checks_passed": True,
        "faults": ["hum"],
    }
    assert checked({}) == {}, "the demo is not checked"
