"""The table of formats, and files that are whole at every moment."""

import os

import jax.numpy as jnp
import pytest

from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.formats import files
from jaxamp.models import build

MODEL = build("Linear", {"receptive_field": 1})
PARAMS = {"fir": {"weight": jnp.ones((1, 1, 1))}}
LABELS = {"loudness": -20.0, "gain": 0.5}


def test_the_suffix_picks_the_format_in_any_case(tmp_path):
    path = tmp_path / "AMP.NAM"
    formats.write(path, MODEL, PARAMS, metadata=LABELS)
    model, _, metadata = formats.read(str(path))
    assert model.hyperparameters == MODEL.hyperparameters
    assert metadata == LABELS


def test_a_named_format_needs_no_suffix(tmp_path):
    path = tmp_path / "amp"
    formats.write(path, MODEL, PARAMS, metadata=LABELS, format="nam")
    model, _, _ = formats.read(path, format="nam")
    assert model.hyperparameters == MODEL.hyperparameters


def test_an_unknown_suffix_is_told_what_can_be_read_and_written(tmp_path):
    with pytest.raises(FormatError, match=r"'.wav'.*can be read: nam \(.nam\)"):
        formats.read(tmp_path / "amp.wav")
    with pytest.raises(FormatError, match=r"'kazoo'.*can be written: nam \(.nam\)"):
        formats.write(tmp_path / "amp.nam", MODEL, PARAMS, format="kazoo")


def test_a_missing_file_and_a_folder_are_no_model(tmp_path):
    with pytest.raises(FormatError, match="does not exist"):
        formats.read(tmp_path / "amp.nam")
    (tmp_path / "folder.nam").mkdir()
    with pytest.raises(FormatError, match="is not a file"):
        formats.read(tmp_path / "folder.nam")


def test_a_file_is_replaced_through_a_link_and_nothing_else_is_left(tmp_path):
    path, link = tmp_path / "amp.nam", tmp_path / "link.nam"
    path.write_text("old")
    link.symlink_to(path)
    formats.write(link, MODEL, PARAMS, metadata=LABELS)
    model, _, _ = formats.read(path)
    assert model.hyperparameters == MODEL.hyperparameters
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["amp.nam", "link.nam"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "amp.nam"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FormatError, match="No space left"):
        formats.write(path, MODEL, PARAMS, metadata=LABELS)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["amp.nam"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FormatError, match="folder exists"):
        formats.write(tmp_path / "no" / "amp.nam", MODEL, PARAMS, metadata=LABELS)


def test_a_file_too_large_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "amp.nam"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(FormatError, match="larger than 1 MB"):
        files.read_bounded(path, 2**20)
