"""A model as the amp: what it plays is what another learns."""

import json

import jax
import numpy as np
import pytest
import soundfile
from runs import TINY, assert_refused, run
from tiny import LSTM, RATE, WAVENET, noise

import jaxamp
from jaxamp.data.demo import packaged_di
from jaxamp.evaluate import evaluate
from jaxamp.formats import read
from jaxamp.formats.nam import write_container, write_nam
from jaxamp.teacher import teacher

WORDS = {
    "name": "Sunday", "modeled_by": "someone", "gear_type": "pedal",
    "gear_make": "House", "tone_type": "fuzz", "input_level_dbu": 12.5,
}  # fmt: skip

STUDENT = tuple(one for one in TINY if one != "data.seconds=3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A teacher `amp.nam`, a file of two sizes `two.nam`, and dry files."""
    folder = tmp_path_factory.mktemp("teacher")
    large, small = WAVENET.init(jax.random.key(0)), LSTM.init(jax.random.key(1))
    write_nam(folder / "amp.nam", WAVENET, large, WORDS)
    write_container(
        folder / "two.nam", [(0.5, LSTM, small), (1.0, WAVENET, large)], WORDS
    )
    for name, seed in (("a", 0), ("b", 1)):
        audio = noise(2 * RATE + 11, seed)
        soundfile.write(folder / f"{name}.wav", audio, RATE, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", noise(RATE), 44_100, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE, subtype="FLOAT")
    return folder


def heard(path):
    return soundfile.read(path, dtype="float32")[0]


def distil(capsys, folder, student, *overrides):
    return run(
        capsys, "train", "data=teacher", *STUDENT, f"data.model={folder / 'amp.nam'}",
        f"data.input={folder / 'a.wav'}", "data.validation_seconds=0.3",
        "train.steps=5", *overrides, f"hydra.run.dir={student}",
    )  # fmt: skip


def test_the_target_is_what_reamp_writes_bit_for_bit(folder, tmp_path, capsys):
    made = teacher(str(folder / "amp.nam"), str(folder / "a.wav"))
    said = run(
        capsys, "reamp", folder / "amp.nam", folder / "a.wav", tmp_path / "out.wav"
    )
    assert said.status == 0, said
    (train,), (passage,) = made.train, made.validation
    together = np.concatenate([train.target, passage.target])
    np.testing.assert_array_equal(together, heard(tmp_path / "out.wav"))
    whole = np.concatenate([train.input, passage.input])
    np.testing.assert_array_equal(whole, heard(folder / "a.wav"))
    assert passage.context.size == train.input.size, "all that came before is known"
    assert made.sample_rate == RATE


def test_a_model_is_its_own_perfect_student(folder):
    made = teacher(str(folder / "amp.nam"), str(folder / "a.wav"))
    model, params = jaxamp.load(folder / "amp.nam")
    found = evaluate(model, params, made.validation)
    assert found["esr"] < 1e-10


def test_several_files_are_each_played_from_silence(folder):
    files = [str(folder / "a.wav"), str(folder / "b.wav")]
    made = teacher(str(folder / "amp.nam"), files, validation_input=files[1])
    model, params = jaxamp.load(folder / "amp.nam")
    for one, file in zip(
        [*made.train, *made.validation], [*files, files[1]], strict=True
    ):
        expected = jaxamp.process(model, params, heard(file))
        np.testing.assert_array_equal(one.target, expected)


def test_each_size_of_a_file_teaches(folder):
    file = str(folder / "a.wav")
    for size, part in ((0.2, 0.2), (1.0, 1.0), (None, 1.0)):
        made = teacher(str(folder / "two.nam"), file, size=size)
        model, params, _ = read(folder / "two.nam", size=part)
        (train,) = made.train
        expected = jaxamp.process(model, params, heard(file))[: train.target.size]
        np.testing.assert_array_equal(train.target, expected)


def test_without_files_the_packaged_phrases_are_played(folder):
    made = teacher(str(folder / "amp.nam"), validation_seconds=6.0)
    (before, after), (middle,) = made.train, made.validation
    assert middle.input.size == 6 * RATE
    together = [before.input, middle.input, after.input]
    np.testing.assert_array_equal(np.concatenate(together), packaged_di())


def test_a_student_says_which_amp_it_learned_and_who_taught_it(
    folder, tmp_path, capsys
):
    said = distil(
        capsys, folder, tmp_path / "run", "export.gear_model=Mine",
        "export.tone_type=clean", "data.normalize_dbfs=-18",
    )  # fmt: skip
    assert said.status == 0, said
    metadata = read(tmp_path / "run" / "model.nam")[2]
    assert metadata["gear_make"] == "House"
    assert metadata["gear_model"] == "Mine"
    assert metadata["tone_type"] == "clean", "what is given counts more"
    assert metadata["input_level_dbu"] == 12.5
    assert not {"modeled_by", "name"} & metadata.keys(), "who made it is not copied"
    told = json.loads((tmp_path / "run" / "capture.json").read_text())["teacher"]
    assert told["file"] == "amp.nam"
    assert told["metadata"] == WORDS
    assert len(told["sha256"]) == 64


def test_what_a_stranger_says_of_the_amp_is_kept_only_if_players_know_it(
    folder, tmp_path
):
    document = json.loads((folder / "amp.nam").read_text())
    document["metadata"] = {
        "gear_type": "spaceship", "gear_make": "x" * 10_000, "tone_type": 5,
        "gear_model": "fine", "input_level_dbu": {"deep": []}, "else": "where",
    }  # fmt: skip
    (tmp_path / "odd.nam").write_text(json.dumps(document))
    made = teacher(str(tmp_path / "odd.nam"), str(folder / "a.wav"))
    assert made.findings["teacher"]["metadata"] == {"gear_model": "fine"}


def test_another_teacher_in_the_same_place_is_refused(folder, tmp_path, capsys):
    amp = tmp_path / "mine.nam"
    amp.write_bytes((folder / "amp.nam").read_bytes())
    given = (f"data.model={amp}",)
    assert distil(capsys, folder, tmp_path / "run", *given).status == 0
    write_nam(amp, WAVENET, WAVENET.init(jax.random.key(5)))
    said = distil(capsys, folder, tmp_path / "run", *given, "train.steps=10")
    assert_refused(said, "The recordings are not those")


def test_a_run_teaches_like_the_file_it_exported(finished, folder):
    file = str(folder / "a.wav")
    one, other = (
        teacher(str(path), file).train[0].target
        for path in (finished, finished / "model.nam")
    )
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_evaluate_with_a_teacher_is_evaluate_with_what_it_plays(
    finished, folder, tmp_path, capsys
):
    amp, dry, out = folder / "amp.nam", folder / "a.wav", tmp_path / "out.wav"
    assert run(capsys, "reamp", amp, dry, out).status == 0
    found = []
    for number, target in enumerate(
        (["--teacher", amp], ["--target", out, "--delay", 0])
    ):
        file = tmp_path / f"{number}.json"
        said = run(
            capsys, "evaluate", finished, "--input", dry, *target, "--json", file
        )
        assert said.status == 0, said
        found.append(json.loads(file.read_text()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.model=null", ["No teacher is given", "data.model=amp.nam"]),
        ("data.model=none.nam", ["There is no model at 'none.nam'"]),
        ("data.input=none.wav", ["none.wav does not exist"]),
        ("data.input={folder}/slow.wav", ["48000 Hz", "slow.wav has 44100 Hz"]),
        ("data.input={folder}/silent.wav", ["silent.wav is silent"]),
        ("data.size=2", ["size=2 must be a number from 0 to 1"]),
        ("data.validation_seconds=0", ["validation_seconds=0 must lie above 0"]),
        ("data.modell=amp.nam", ["data.modell", "Did you mean data.model?"]),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    folder, tmp_path, capsys, override, words
):
    given = override.format(folder=folder)
    said = distil(capsys, folder, tmp_path / "run", given)
    assert_refused(said, *words)
    assert not (tmp_path / "run").exists()


def test_a_teacher_that_says_nothing_is_refused(folder, tmp_path, capsys):
    silent = jax.tree.map(np.zeros_like, WAVENET.init(jax.random.key(0)))
    write_nam(tmp_path / "mute.nam", WAVENET, silent)
    said = distil(
        capsys, folder, tmp_path / "run", f"data.model={tmp_path / 'mute.nam'}"
    )
    assert_refused(said, "mute.nam answers a.wav with silence")
