"""`jaxamp export` to and from the JSON players."""

import subprocess
import sys

import jax
import pytest
from random_models import UNMEASURED
from runs import assert_refused, run

from jaxamp import formats
from jaxamp.models import recurrent

RATE = 44_100


def test_export_takes_labels_along_and_says_what_has_no_word(tmp_path, capsys):
    model = recurrent(hidden=[8], sample_rate=RATE)
    aidax, nam = tmp_path / "amp.aidax", tmp_path / "amp.nam"
    labels = {"name": "Twin", "author": "Ann", "license": "CC0"}
    formats.write(aidax, model, model.init(jax.random.key(0)), metadata=labels)
    said = run(capsys, "export", aidax, nam)
    assert said.status == 0, said
    assert "no words for 'license'" in said.err
    metadata = formats.read(nam)[2]
    assert (metadata["name"], metadata["modeled_by"]) == ("Twin", "Ann")
    with pytest.warns(UserWarning, match="start from zero"):
        assert run(capsys, "export", nam, tmp_path / "again.aidax").status == 0
    assert formats.read(tmp_path / "again.aidax")[2]["author"] == "Ann"


def test_a_warning_is_one_line_without_the_place_in_the_program(tmp_path):
    model = recurrent(hidden=[8], learned_state=True)
    path = tmp_path / "amp.nam"
    formats.write(path, model, model.init(jax.random.key(0)), metadata=UNMEASURED)
    command = (sys.executable, "-m", "jaxamp", "export", path, tmp_path / "amp.aidax")
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = said.stderr.strip().splitlines()
    assert line.startswith("jaxamp: warning: The learned beginning")


def test_export_refuses_what_a_player_cannot_play(tmp_path, capsys):
    model = recurrent(hidden=[8], sample_rate=RATE)
    path, out = tmp_path / "amp.aidax", tmp_path / "amp.json"
    formats.write(path, model, model.init(jax.random.key(0)))
    said = run(capsys, "export", path, out, "--format", "proteus")
    assert_refused(said, "hidden size 8 is not 40", "model.hidden=[40]")
    assert not out.exists()
