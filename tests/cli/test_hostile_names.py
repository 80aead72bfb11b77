"""What a stranger writes into a name does nothing: on terminals, in pages, to paths."""

import json
import os
import shutil

import pytest
import soundfile
from random_models import UNMEASURED, draw_params
from runs import assert_refused, run
from tiny import LSTM, MSE, noise

from jaxamp.core.shown import is_plain_name, paragraph, shown
from jaxamp.formats import write
from jaxamp.train import Checkpoints, Optimizer, Task, start

EVIL = (
    "\x1b]0;owned\x07\x1b[2J\u202egpj.exe\r\njaxamp: all is well\x85\u2028"
    "</td><script>alert(1)</script>$\\frac$ ../../../etc %s {x} [red]" + "A" * 10_000
)
FIELDS = (
    "name", "modeled_by", "gear_make", "gear_model", "gear_type", "tone_type", "date",
    "author", "based", "style", "training", EVIL,
)  # fmt: skip
TRAIN = {"steps": 4, "minutes": None, "threshold_esr": None, "patience": None}


@pytest.fixture(scope="module")
def params():
    import optax  # noqa: PLC0415

    return start(Task(model=LSTM, loss=MSE, optimizer=Optimizer(optax.adam)), 0, 1)


@pytest.fixture(scope="module")
def model_file(params, tmp_path_factory):
    """A model that plays, with EVIL in every field of its metadata."""
    file = tmp_path_factory.mktemp("model") / "amp.nam"
    write(file, LSTM, draw_params(LSTM), metadata=UNMEASURED)
    value = json.loads(file.read_text())
    value["metadata"] = dict.fromkeys(FIELDS, EVIL)
    file.write_text(json.dumps(value))
    return file


@pytest.fixture(scope="module")
def run_folder(params, tmp_path_factory):
    """A run with EVIL in every text of every file."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(params, {EVIL: EVIL}, LSTM, 1.0)
    checkpoints.close()
    result = {
        "architecture": "LSTM", "hyperparameters": dict(LSTM.hyperparameters),
        "model": f"{EVIL}/x", "choices": {"optimizer": EVIL}, "seed": 0,
        "parameters": 67, "macs_per_sample": 60, "receptive_field": 1,
        "sample_rate": 48_000, "esr": 0.5, "realtime_factor": 9.0, "device": EVIL,
        "metrics": {"mrstft": 1.0, "asr_1": 0.1, EVIL: EVIL}, "versions": {EVIL: EVIL},
        "train": {"stopped": "steps", "asked": TRAIN},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "metadata.json").write_text(json.dumps(dict.fromkeys(FIELDS, EVIL)))
    (folder / "config.yaml").write_text(
        json.dumps({"train": TRAIN, EVIL[:300]: {"a": EVIL}}), encoding="utf-8"
    )
    pair = {"target": {"file": EVIL}, "input": {"file": EVIL}}
    (folder / "capture.json").write_text(json.dumps({"pairs": [pair]}))
    return folder


def harmless(said):
    """Nothing on the terminal acts, and no line is the stranger's."""
    printed = said.out + said.err
    for line in printed.split("\n"):
        assert line.isprintable(), ascii(line)
        assert len(line) < 8_000
        assert not line.startswith("jaxamp: all is well")


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_info(model_file, run_folder, capsys, flags):
    for place in (model_file, run_folder):
        said = run(capsys, "info", place, *flags)
        assert said.status == 0, said
        if not flags:
            harmless(said)
        assert said.out.replace("\n", "").isprintable()


def test_export_writes_the_file_it_is_told_to_and_no_other(
    model_file, tmp_path, capsys
):
    for name, flags in {"a.nam": [], "b.json": ["--format", "coreaudioml"]}.items():
        said = run(capsys, "export", model_file, tmp_path / name, *flags)
        assert said.status == 0, said
        harmless(said)
    assert {file.name for file in tmp_path.iterdir()} == {"a.nam", "b.json"}


def test_compare(run_folder, tmp_path, capsys, real_comparison):
    other = shutil.copytree(run_folder, tmp_path / "runs" / "b")
    for file in ("config.yaml", "result.json"):
        text = (other / file).read_text().replace("x", "y")
        (other / file).write_text(text.replace(": 0.5", ": 0.25"))
    before = set(run_folder.parent.rglob("*"))
    said = run(
        capsys, "compare", run_folder.parent, other, "--as-recorded", "--output",
        tmp_path / "out",
    )  # fmt: skip
    assert said.status == 0, said
    harmless(said)
    assert set(run_folder.parent.rglob("*")) == before
    page = (tmp_path / "out" / "comparison.html").read_text()
    drawn = (tmp_path / "out" / "comparison.svg").read_text()
    ours = ("jaxamp.js", "comparison.js")
    for text, scripts in ((page, 1 + len(ours)), (drawn, 0)):
        assert text.count("<script") == scripts, "the page's data and what draws it"
        assert text.replace("\n", "").isprintable()
        assert "&lt;script&gt;" in text


def test_evaluate(model_file, tmp_path, capsys):
    odd = tmp_path / "\x1b[2J\u202e\rjaxamp: all is well.nam"
    shutil.copy(model_file, odd)
    dry = tmp_path / "\x1b[31m.wav"
    soundfile.write(dry, noise(800), 8_000)
    said = run(capsys, "evaluate", odd, "--input", dry, "--target", dry)
    assert_refused(said, "8000 Hz")
    harmless(said)
    said = run(capsys, "evaluate", f"{odd}.none", "--input", dry, "--target", dry)
    assert_refused(said, "There is no model")
    harmless(said)


OUTSIDE = ("..", ".", "", "../b", "/etc", "a/b", "a\\b", ".hidden", "a\0b", "c" * 500)


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_sizes_of_a_run_are_folders_in_it(run_folder, tmp_path, capsys, name):
    folder = shutil.copytree(run_folder, tmp_path / "outer" / "a")
    shutil.copytree(run_folder, tmp_path / "outer" / "b")
    (folder / "sizes.json").write_text(json.dumps({name: 1.0}))
    for command in (["info"], ["export"]):
        out = [tmp_path / "out.nam"] * (command == ["export"])
        said = run(capsys, *command, folder, *out)
        assert_refused(said, "sizes.json", "must give each size's folder a number")
        harmless(said)
    (folder / "sizes.json").unlink()
    result = json.loads((folder / "result.json").read_text())
    part = {**result, "model": f"a/{name}"}
    (folder / "result.json").write_text(json.dumps({**result, "sizes": [part]}))
    shutil.rmtree(tmp_path / "outer" / "b")
    if "/" not in name:
        said = run(capsys, "compare", folder, "--as-recorded")
        assert_refused(said, "no finished run")


def test_what_is_shown_is_printed_as_it_is_or_escaped():
    assert shown("amp [/b] é ü 音.wav") == "amp [/b] é ü 音.wav"
    assert shown("a\x1b[2J\n\u202e\udcff") == r"a\x1b[2J\n\u202e\udcff"
    assert len(shown("x" * 999, 10)) == 10
    assert len(paragraph("x" * 10**6)) == 4_000
    for name in OUTSIDE:
        assert not is_plain_name(name)
    assert all(map(is_plain_name, ("lite", "full", "a2.lite-1", "größe")))


def test_a_table_computes_nothing_in_a_spreadsheet(run_folder, tmp_path, capsys):
    folder = shutil.copytree(run_folder, tmp_path / "a")
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "model": "=1+1"}))
    run(capsys, "compare", folder, "--as-recorded")
    assert "'=1+1" in (folder / "comparison.csv").read_text()


def test_a_run_is_not_written_through_links(run_folder, tmp_path):
    from jaxamp.cli.folder import claim  # noqa: PLC0415
    from jaxamp.core import RunError  # noqa: PLC0415

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").symlink_to(tmp_path / "profile")
    with pytest.raises(RunError, match="is a link to another file"):
        claim(tmp_path / "run", {"train": TRAIN}, {})
    assert os.listdir(tmp_path) == ["run"]


def test_a_picture_has_room_for_so_many_captures_and_no_formulas(
    monkeypatch, real_comparison
):
    from jaxamp.report import comparison_figure  # noqa: PLC0415
    from jaxamp.report.comparison import Run, rows  # noqa: PLC0415

    monkeypatch.setattr(comparison_figure, "MOST_CAPTURES", 1)
    facts = {
        "seed": 0, "parameters": 9, "macs_per_sample": 9, "receptive_field": 9,
        "sample_rate": 48_000, "esr": 0.1, "mrstft": 1.0, "aliasing": 0.1,
        "realtime_factor": 2.0, "realtime_block": 64, "place": "",
    }  # fmt: skip
    runs = [Run(model="$\\frac$/x", capture=f"amp {i}", **facts) for i in range(3)]
    drawn = comparison_figure.size_against_esr(rows(runs), "svg").decode()
    assert "amp 0" in drawn
    assert "amp 2" not in drawn
    assert "$\\frac$" in drawn
