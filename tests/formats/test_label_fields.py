"""What is known of an amp goes from format to format in each one's words."""

import datetime

import pytest
from random_models import draw_params

from jaxamp import formats
from jaxamp.formats import FORMATS
from jaxamp.formats.labels import left_out
from jaxamp.models import recurrent

NAM = {
    "name": "Twin",
    "modeled_by": "Ann",
    "gear_make": "F",
    "gear_model": "T",
    "tone_type": "hi_gain",
    "loudness": -20.0,
    "gain": 0.5,
    "training": {"validation_esr": 0.01},
}
AIDAX = {"name": "Twin", "author": "Ann", "based": "T", "style": "high gain"}


def test_a_run_tells_players_of_json_what_they_show():
    words = FORMATS["aidax"].words(NAM)
    assert words == {**NAM, "author": "Ann", "based": "T", "style": "high gain",
                     "esr": 0.01}  # fmt: skip
    assert left_out(NAM, words) == []


def test_a_json_file_tells_nam_what_it_has_words_for():
    noted = {**AIDAX, "license": "CC0", "esr": 0.1, "gear_type": "spaceship"}
    words = FORMATS["nam"].words(noted)
    assert words == {
        "name": "Twin",
        "modeled_by": "Ann",
        "gear_model": "T",
        "tone_type": "hi_gain",
    }
    assert left_out(noted, words) == ["license", "esr", "gear_type"]


def test_words_that_a_format_has_already_are_left_as_they_are():
    for name, noted in (("nam", NAM), ("aidax", AIDAX)):
        assert FORMATS[name].words(noted) == noted
    assert FORMATS["nam"].words(FORMATS["aidax"].words(NAM)) == NAM
    assert FORMATS["nam"].words({"style": "odd", "author": 3, "tone_type": None}) == {}
    when = {"date": datetime.datetime(2026, 1, 1)}
    assert FORMATS["nam"].words(when) == when


@pytest.mark.parametrize("words", [NAM, AIDAX, {"license": "CC0", "year": 1963}])
def test_any_labels_can_be_written_anywhere(tmp_path, words):
    model = recurrent(hidden=[20], skip=True, sample_rate=44_100)
    for name in ("neuralpi", "coreaudioml", "aidax"):
        labels = FORMATS[name].words(words)
        formats.write(
            tmp_path / "amp", model, draw_params(model), metadata=labels, format=name
        )
        assert formats.read(tmp_path / "amp", format=name)[2] == labels
