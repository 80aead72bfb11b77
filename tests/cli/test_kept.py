"""A configuration in a run's folder is a stranger's text."""

import pytest

from jaxamp.cli.kept import DAMAGED, kept_config


@pytest.mark.parametrize("text", ["3", "!1", "1.5", "!!set {a}", "- a", "[]", "a", "}"])
def test_what_holds_no_keys_is_damaged(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(DAMAGED):
        kept_config(file)


def test_keys_are_read_and_their_interpolations_stay(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("seed: 3\ntrain: {steps: '${seed}'}\n")
    assert kept_config(file) == {"seed": 3, "train": {"steps": "${seed}"}}
