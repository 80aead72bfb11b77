"""`jaxamp plan` writes what can be recorded by and trained on, over nothing."""

import re

import numpy as np
import yaml
from runs import assert_refused, run

from jaxamp.data.manifest_file import read_manifest

ASKED = ("plan", "--knobs", "gain,bass", "--settings", 8, "--range", "bass=-5..5")


def test_the_manifest_and_the_worksheet_say_the_same(tmp_path, capsys):
    folder = tmp_path / "amp"
    said = run(capsys, *ASKED, "--minutes-per-setting", 1.5, "--output", folder)
    assert said.status == 0, said
    assert "8 settings of 2 knobs, 2 of them corners, 1.5 min each: 12 min" in said.out
    moves = int(re.findall(r"knobs are turned (\d+) times", said.out)[0])
    manifest = read_manifest(str(folder / "knobs.yaml"))
    assert [(k.name, k.low, k.high) for k in manifest.knobs] == [
        ("gain", 0, 10),
        ("bass", -5, 5),
    ]
    values = np.array([one.values for one in manifest.entries])
    assert len(values) == 8
    assert np.count_nonzero(np.diff(values, axis=0)) == moves
    assert manifest.entries[0].input == str(folder / "dry.wav")
    page = (folder / "worksheet.html").read_text()
    rows = re.findall(r"<td>(\d+\.wav)</td>(.*)</tr>", page)
    told = [re.findall(r">(-?[\d.]+)</td>", cells) for _, cells in rows]
    np.testing.assert_array_equal(np.array(told, float), values)
    assert page.count('class="turn"') == 2 + moves
    assert page.count("☐") == 8


def test_an_earlier_plan_is_kept_unless_told(tmp_path, capsys):
    folder = tmp_path / "amp"
    assert run(capsys, *ASKED, "--output", folder).status == 0
    before = (folder / "knobs.yaml").read_text()
    again = (*ASKED, "--seed", 1, "--output", folder)
    assert_refused(run(capsys, *again), "knobs.yaml", "--overwrite")
    assert (folder / "knobs.yaml").read_text() == before
    assert run(capsys, *again, "--overwrite").status == 0
    assert yaml.safe_load((folder / "knobs.yaml").read_text()) != yaml.safe_load(before)


def test_mistakes_are_refused_and_nothing_is_written(tmp_path, capsys):
    folder = tmp_path / "amp"
    for options, words in (
        (("--knobs", "gain,gain"), "different names"),
        (("--knobs", "gain,"), "different names"),
        (("--range", "mid=0..10"), "none of the knobs, gain, bass"),
        (("--range", "gain=10..0"), "the lower first"),
        (("--minutes-per-setting", "0"), "above 0"),
        (("--seed", "-1"), "0 or more"),
        (("--settings", "9999"), "give 2 to 441"),
    ):
        assert_refused(run(capsys, *ASKED, *options, "--output", folder), words)
    assert not folder.exists()
