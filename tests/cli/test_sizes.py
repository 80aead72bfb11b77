"""Models that come in several sizes, at the command line."""

import json

import numpy as np
import pytest
import soundfile
from random_models import UNMEASURED, draw_params
from runs import assert_refused, run
from tiny import RATE, noise

import jaxamp
from jaxamp import formats
from jaxamp.formats.nam import write_container, write_nam
from jaxamp.models import build, linear


@pytest.fixture
def container(tmp_path):
    path = tmp_path / "amp.nam"
    models = [linear(receptive_field=taps) for taps in (1, 2, 3)]
    parts = [(limit, model, draw_params(model)) for limit, model in
             zip((0.3, 0.6, 1.0), models, strict=True)]  # fmt: skip
    write_container(path, parts, {"name": "Three"})
    return path


@pytest.fixture
def slimmable(tmp_path):
    path = tmp_path / "slim.nam"
    array = {"channels": 3, "dilations": [1], "head_size": 1}
    model = build("WaveNet", {"arrays": [{**array, "allowed_channels": [1, 3]}]})
    write_nam(path, model, draw_params(model), UNMEASURED)
    return path


def facts(capsys, *arguments):
    said = run(capsys, "info", *arguments, "--json")
    assert said.status == 0, said
    return json.loads(said.out)


def test_info_tells_the_sizes_and_describes_the_one_asked_for(
    capsys, container, slimmable
):
    assert facts(capsys, container)["sizes"] == [0.3, 0.6, 1.0]
    assert facts(capsys, slimmable)["sizes"] == [0.5, 1.0]
    taken = {
        size: facts(capsys, container, "--size", size)["receptive_field"]
        for size in ("0", "0.3", "0.59", "0.6", "1")
    }
    assert taken == {"0": 1, "0.3": 2, "0.59": 2, "0.6": 3, "1": 3}
    assert facts(capsys, container)["receptive_field"] == 3
    narrow = facts(capsys, slimmable, "--size", "0.4")
    assert narrow["hyperparameters"]["arrays"][0]["channels"] == 1


def test_reamp_plays_the_size_asked_for(capsys, container, tmp_path):
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    soundfile.write(dry, noise(300), RATE, subtype="FLOAT")
    assert run(capsys, "reamp", container, dry, wet, "--size", "0.1").status == 0
    model, params = jaxamp.load(container, size=0.1)
    expected = jaxamp.process(model, params, noise(300))
    np.testing.assert_array_equal(soundfile.read(wet, dtype="float32")[0], expected)


def test_a_container_is_exported_whole_and_its_parts_alone(capsys, container, tmp_path):
    whole, part = tmp_path / "whole.nam", tmp_path / "part.nam"
    assert run(capsys, "export", container, whole).status == 0
    for size in (0.1, 0.4, 0.9, None):
        first, second = (formats.read(path, size=size) for path in (container, whole))
        np.testing.assert_array_equal(
            first[1]["fir"]["weight"], second[1]["fir"]["weight"]
        )
    assert run(capsys, "export", container, part, "--size", "0.4").status == 0
    assert facts(capsys, part)["sizes"] == [1.0]
    assert facts(capsys, part)["receptive_field"] == 2


def test_a_format_of_one_size_wants_to_know_which(capsys, container, tmp_path):
    out = tmp_path / "amp.json"
    given = ("export", container, out, "--format", "rtneural")
    assert_refused(run(capsys, *given), "several sizes", "--size 1")
    assert not out.exists()
    assert run(capsys, *given, "--size", "1").status == 0


@pytest.mark.parametrize("size", ["1.5", "-1", "nan"])
def test_a_share_lies_between_nothing_and_all(capsys, container, size):
    assert_refused(run(capsys, "info", container, "--size", size), "from 0 to 1")


def test_info_says_who_plays_a_model_and_why_others_do_not(capsys, container):
    players = facts(capsys, container, "--size", "1")["players"]
    assert players["Neural Amp Modeler"] == "yes, as nam"
    assert players["RTNeural"] == "yes, as rtneural"
    assert players["Proteus"].startswith("no: Proteus cannot play this Linear")
    said = run(capsys, "info", container).out
    assert "played by" in said
    assert "Proteus, NeuralPi, AIDA-X" in said


def test_a_teacher_plays_at_the_size_it_is_asked_for(capsys, container, tmp_path):
    dry = tmp_path / "dry.wav"
    soundfile.write(dry, noise(RATE), RATE, subtype="FLOAT")
    given = ("evaluate", container, "--size", "0.1", "--input", dry)
    errors = []
    for size in ("0.1", "0.9"):
        out = tmp_path / "esr.json"
        said = run(capsys, *given, "--teacher", container, "--teacher-size", size,
                   "--json", out)  # fmt: skip
        assert said.status == 0, said
        errors.append(json.loads(out.read_text())["esr"])
    assert errors[0] < 1e-9 < errors[1]


def test_a_container_of_a_stranger_is_exported_with_what_players_know(capsys, tmp_path):
    theirs, ours = tmp_path / "theirs.nam", tmp_path / "ours.nam"
    models = [linear(receptive_field=taps) for taps in (1, 2)]
    drawn = [draw_params(model) for model in models]
    write_container(theirs, list(zip((0.5, 1.0), models, drawn, strict=True)))
    document = json.loads(theirs.read_text())
    document["metadata"] |= {"mine": 1, "name": "Two"}
    for part, limit in zip(document["config"]["submodels"], (0.5, 2.0), strict=True):
        part["max_value"] = limit
    theirs.write_text(json.dumps(document))
    said = run(capsys, "export", theirs, ours)
    assert said.status == 0, said
    assert "'mine'" in said.err
    again = json.loads(ours.read_text())
    limits = [part["max_value"] for part in again["config"]["submodels"]]
    assert (limits, again["metadata"]["name"]) == ([0.5, 2.0], "Two")


def test_strange_names_in_metadata_are_shown_and_hide_nothing(capsys, container):
    document = json.loads(container.read_text())
    document["metadata"] = {"architecture": "Evil", "\x1b[31mred": 1, "\ud800": 2}
    container.write_text(json.dumps(document))
    said = run(capsys, "info", container)
    assert said.status == 0, said
    assert "\x1b" not in said.out
    assert said.out.startswith("architecture")
    assert "Linear" in said.out.splitlines()[0]
    assert "metadata architecture" in said.out
