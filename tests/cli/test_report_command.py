"""`jaxamp report`: a page on a run, or what keeps it from being written."""

import json
import re
import shutil

import jax
import numpy as np
import pytest
import soundfile
from runs import assert_refused, run
from tiny import RATE, amp, noise

from jaxamp import formats
from jaxamp.models import recurrent


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    """A copy of the finished run, with its report."""
    from jaxamp.cli.main import main  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("reported") / "run"
    shutil.copytree(finished, folder)
    assert main(["report", str(folder), "--no-timing", "--seconds", "0.5"]) == 0
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def data(page):
    found = re.search(r'id="data">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def test_the_page_has_the_numbers_of_the_run(written):
    page = (written / "report.html").read_text()
    result = json.loads((written / "result.json").read_text())
    assert data(page)["numbers"] == result["metrics"]
    assert f"(ESR {result['esr']:.4g})" in page
    assert "A model of demo, gain 0.5 tone 0.5 level 0.7" in page
    assert "model: lstm" not in page  # the name of a choice, not of a key
    assert "hidden:" in page


def test_the_amp_of_the_demo_is_asked_for_its_own_tones(written):
    charts = data((written / "report.html").read_text())["charts"]
    for name in ("harmonics12", "aliasing", "transfer"):
        labels = {one["label"].partition(",")[0] for one in charts[name]["series"]}
        assert labels == {"target", "prediction"}
    assert "blocks" not in charts


def test_a_page_of_half_a_second_is_small_and_nothing_else_is_left(written):
    assert (written / "report.html").stat().st_size < 1_500_000
    assert not [file for file in written.iterdir() if file.name.endswith(".part")]


def test_any_recordings_can_be_held_against_a_model_file(finished, tmp_path, capsys):
    x = noise(RATE, level=0.1)
    soundfile.write(tmp_path / "dry.wav", x, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "wet.wav", amp(x), RATE, subtype="FLOAT")
    pair = ["--input", tmp_path / "dry.wav", "--target", tmp_path / "wet.wav"]
    model = shutil.copy(finished / "model.nam", tmp_path / "amp.nam")
    said = run(capsys, "report", model, *pair, "--delay", "3", "--no-timing")
    assert said.status == 0, said
    page = (tmp_path / "amp.nam.html").read_text()
    assert str(tmp_path / "amp.nam.html") in said.out
    assert "A model of wet.wav" in page
    assert "taken to trail by 3 samples" in page
    assert "Nothing is known of its training." in page
    clip = run(capsys, "evaluate", model, *pair, "--delay", "3", "--json",
               tmp_path / "numbers.json")  # fmt: skip
    assert clip.status == 0
    wanted = json.loads((tmp_path / "numbers.json").read_text())["esr"]
    assert np.isclose(data(page)["numbers"]["esr"], wanted, rtol=1e-5)


def test_a_run_held_against_other_recordings_still_shows_how_it_learned(
    copied, tmp_path, capsys
):
    soundfile.write(tmp_path / "x.wav", noise(RATE // 2, level=0.1), RATE)
    pair = ["--input", tmp_path / "x.wav", "--target", tmp_path / "x.wav"]
    said = run(capsys, "report", copied, *pair, "--delay", 0, "--no-timing")
    assert said.status == 0, said
    page = (copied / "report.html").read_text()
    assert "Nothing is known of its training." not in page
    assert "learning" in data(page)["charts"]


def test_a_model_file_alone_has_nothing_to_be_held_against(finished, capsys):
    said = run(capsys, "report", finished / "model.nam")
    assert_refused(said, "does not hold what it was learned from", "--input DRY.wav")


def test_recordings_that_are_others_now_are_refused(copied, capsys):
    file = copied / "capture.json"
    capture = json.loads(file.read_text())
    file.write_text(json.dumps(capture | {"target": {"peak_dbfs": 0.0}}))
    said = run(capsys, "report", copied)
    assert_refused(said, "The recordings are not those", "--input and --target")
    assert not (copied / "report.html").exists()


def test_recordings_that_are_gone_are_named(copied, tmp_path, capsys):
    config = copied / "config.yaml"
    gone = f"  input: {tmp_path / 'gone.wav'}\n  target: {tmp_path / 'gone.wav'}\n"
    text = re.sub(
        r"data:\n(  .*\n)+", f"data:\n  _target_: jaxamp.data.capture\n{gone}",
        config.read_text(),
    )  # fmt: skip
    config.write_text(text)
    said = run(capsys, "report", copied)
    assert_refused(said, "gone.wav", "put the files back where they were", "--input")


def test_a_run_that_has_not_ended_is_shown_as_far_as_it_is(written, tmp_path, capsys):
    folder = shutil.copytree(written, tmp_path / "run")
    (folder / "result.json").unlink()
    said = run(capsys, "report", folder, "--no-timing", "--seconds", "0.2")
    assert said.status == 0, said
    page = (folder / "report.html").read_text()
    assert "This training has not ended (step 20 of 20)" in page
    before = data((written / "report.html").read_text())["numbers"]
    assert np.isclose(data(page)["numbers"]["esr"], before["esr"], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "0"], "must be from 0.1 to 120"),
        (["--input", "x.wav"], "belong together"),
        (["--knob", "gain=1"], "given with --input and --target"),
        (["--output", "none/there.html"], "There is no folder"),
        (["--output", "."], "is a folder"),
    ],
)
def test_mistakes_are_told_before_anything_is_computed(
    finished, capsys, arguments, words
):
    assert_refused(run(capsys, "report", finished, *arguments), words)


@pytest.mark.parametrize("name", ["config.yaml", "capture.json", "checkpoints"])
def test_a_run_without_what_it_wrote_is_refused(copied, capsys, name):
    place = copied / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert_refused(run(capsys, "report", copied), name.partition(".")[0])


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert_refused(run(capsys, "report", tmp_path), "config.yaml")
    assert_refused(run(capsys, "report", tmp_path / "none"), "There is no run")


@pytest.fixture(scope="module")
def knobs(tmp_path_factory):
    """A model file with five knobs, and a recording."""
    folder = tmp_path_factory.mktemp("knobs")
    names = ["gain", "bass", "mid", "treble", "master"]
    model = recurrent(hidden=[2], skip=True, controls=names, sample_rate=RATE)
    params = model.init(jax.random.key(0))
    formats.write(folder / "amp.json", model, params, format="coreaudioml")
    x = noise(RATE // 2, level=0.1)
    for name, audio in (("dry", x), ("wet", amp(x))):
        soundfile.write(folder / f"{name}.wav", audio, RATE, subtype="FLOAT")
    pair = ("--input", folder / "dry.wav", "--target", folder / "wet.wav")
    return ("report", folder / "amp.json", *pair, "--delay", "0", "--no-timing")


def test_a_page_of_a_model_with_knobs_has_them_to_turn(knobs, tmp_path, capsys):
    page = tmp_path / "page.html"
    options = ("--knob", "bass=0.3", "--knob-clips", "12", "--match-knobs")
    said = run(capsys, *knobs, *options, "--output", page)
    assert said.status == 0, said
    told = data(page.read_text())["knobs"]
    assert told["matched"] is True
    assert len(told["settings"]) == len(told["clips"]) == 12
    at = [told["positions"][k][i] for k, i in enumerate(told["start"])]
    assert at == [0.5, 0.3, 0.5, 0.5, 0.5]
    assert (
        "gain 0.5, bass 0.3, mid 0.5, treble 0.5, master 0.5 here." in page.read_text()
    )


def test_knobs_that_cannot_be_turned_are_refused(knobs, copied, capsys):
    assert_refused(run(capsys, *knobs, "--knob-clips", "4"), "too few for 5 knobs")
    assert_refused(run(capsys, *knobs, "--knob-clips", "-1"), "from 0 to 400")
    both = ("--knob-clips", "0", "--match-knobs")
    assert_refused(run(capsys, *knobs, *both), "--knob-clips 0 leaves out")
    said = run(capsys, "report", copied, "--no-timing", "--match-knobs")
    assert_refused(said, "has no knobs to turn")
    assert not (copied / "report.html").exists()
