"""`jaxamp compare`: what is read, what is left out, and what is said."""

import base64
import csv
import io
import json
import shutil
import urllib.parse

import numpy as np
import pytest
import soundfile
from runs import QUICK, assert_refused, run

SIZES = ("model.receptive_field=4,8", "seed=0,1", "data.gain=0.3,0.6")
OF_NO_SIZE = [one for one in QUICK if "receptive_field" not in one]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two sizes, two seeds and two captures."""
    from jaxamp.cli.main import main  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("swept")
    status = main(
        ["train", "-m", *OF_NO_SIZE, "train.steps=2", "train.validate_every=2",
         *SIZES, f"hydra.sweep.dir={folder}"]
    )  # fmt: skip
    assert status == 0
    return folder


def table(folder):
    with (folder / "comparison.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_model_has_a_row_on_each_capture(swept, tmp_path, capsys, real_comparison):
    said = run(capsys, "compare", swept, "--output", tmp_path, "--block", 32)
    assert said.status == 0, said
    rows = table(tmp_path)
    assert len(rows) == 4
    assert {row["capture"] for row in rows} == {
        "demo, gain 0.3 tone 0.5 level 0.7", "demo, gain 0.6 tone 0.5 level 0.7",
    }  # fmt: skip
    assert {row["model"] for row in rows} == {
        "linear/256 model.receptive_field=4", "linear/256 model.receptive_field=8",
    }  # fmt: skip
    for row in rows:
        assert (row["seeds"], row["realtime_block"]) == ("2", "32")
        assert float(row["realtime_factor"]) > 0
        results = [json.loads(file.read_text()) for file in swept.glob("*/result.json")]
        mine = [
            r["esr"] for r in results
            if row["model"].endswith(f"={r['hyperparameters']['receptive_field']}")
        ]  # fmt: skip
        assert len(mine) == 4
        assert float(row["esr_best"]) >= min(mine) * (1 - 1e-6)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {f"comparison.{form}" for form in ("csv", "svg", "png", "html")}


def test_a_partial_sweep_is_read_and_what_is_missing_is_said(swept, tmp_path, capsys):
    part = shutil.copytree(swept, tmp_path / "part")
    first, second, *_ = sorted(part.glob("*/result.json"))
    first.unlink()
    second.write_text("{ broken")
    (second.parent / "failure.json").write_text('{"message": "no", "trace": ""}')
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    assert "1 runs are not finished" in said.out
    assert "1 runs failed" in said.out
    assert sum(int(row["seeds"]) for row in table(part)) == 6
    assert {row["realtime_block"] for row in table(part)} == {"64"}


def test_the_same_run_named_twice_counts_once(swept, tmp_path, capsys):
    inside = next(swept.glob("*/result.json")).parent
    run(capsys, "compare", swept, inside, "--as-recorded", "--output", tmp_path)
    assert sum(int(row["seeds"]) for row in table(tmp_path)) == 8


def test_what_was_not_trained_alike_is_said(swept, tmp_path, capsys):
    other = shutil.copytree(swept, tmp_path / "all" / "part")
    for file in other.glob("*/result.json"):
        told = json.loads(file.read_text())
        told["model"] = "lstm/else"
        file.write_text(json.dumps(told))
        config = file.with_name("config.yaml")
        config.write_text(config.read_text().replace("batch: 4", "batch: 8"))
    shutil.copytree(swept, tmp_path / "all" / "whole")
    said = run(capsys, "compare", tmp_path / "all", "--as-recorded")
    assert "Not all were trained alike: train.batch differ" in said.out


@pytest.mark.parametrize(
    "change",
    [
        {"esr": "low"}, {"metrics": 3}, {"train": None}, {"parameters": None},
        {"metrics": {"mrstft": 1.0}}, {"parameters": float("inf")},
        {"esr": float("nan")}, {"sample_rate": 0}, {"realtime_factor": 0},
    ],
)  # fmt: skip
def test_a_result_that_is_no_result_is_left_out(swept, tmp_path, capsys, change):
    part = shutil.copytree(swept, tmp_path / "part")
    file = sorted(part.glob("*/result.json"))[0]
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    assert "1 runs are not finished" in said.out
    assert sum(int(row["seeds"]) for row in table(part)) == 7


def test_a_run_begun_again_to_be_longer_is_not_finished(swept, tmp_path, capsys):
    part = shutil.copytree(swept, tmp_path / "part")
    config = sorted(part.glob("*/config.yaml"))[0]
    config.write_text(config.read_text().replace("\n  steps: 2\n", "\n  steps: 9\n"))
    said = run(capsys, "compare", part, "--as-recorded")
    assert "1 runs are not finished" in said.out
    assert sum(int(row["seeds"]) for row in table(part)) == 7


def test_the_level_that_models_learn_at_makes_rows_of_its_own(swept, tmp_path, capsys):
    both = tmp_path / "both"
    shutil.copytree(swept, both / "as_it_is")
    for file in shutil.copytree(swept, both / "scaled").glob("*/config.yaml"):
        text = file.read_text()
        assert "normalize_dbfs: null" in text
        file.write_text(text.replace("normalize_dbfs: null", "normalize_dbfs: -18.0"))
    run(capsys, "compare", both, "--as-recorded")
    assert len(table(both)) == 8
    assert sum(int(row["seeds"]) for row in table(both)) == 16


def test_a_capture_may_be_called_anything(swept, tmp_path, capsys, real_comparison):
    part = shutil.copytree(swept, tmp_path / "part")
    names = ("amp [/bold] [red].wav", "amp_$1_$2.wav")
    for file in part.glob("*/capture.json"):
        name = names["0.3" in file.parent.name]
        file.write_text(json.dumps({"pairs": [{"target": {"file": name}}]}))
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    for name in names:
        assert name in said.out
        assert name in (part / "comparison.svg").read_text()
    for odd in ("[]", "3", '{"knobs": []}'):
        for file in part.glob("*/capture.json"):
            file.write_text(odd)
        assert "Traceback" not in run(capsys, "compare", part, "--as-recorded").err


def test_a_container_has_a_row_for_each_size(swept, tmp_path, capsys):
    folder = shutil.copytree(next(swept.glob("*/result.json")).parent, tmp_path / "a2")
    result = json.loads((folder / "result.json").read_text())
    sizes = [{**result, "model": f"a2/{name}", "parameters": 10 * (i + 1)}
             for i, name in enumerate(("lite", "full"))]  # fmt: skip
    for name, size in zip(("lite", "full"), sizes, strict=True):
        (folder / name).mkdir()
        (folder / name / "result.json").write_text(json.dumps(size))
    (folder / "result.json").write_text(
        json.dumps({**sizes[-1], "model": "a2", "sizes": sizes})
    )
    run(capsys, "compare", tmp_path, "--as-recorded")
    assert [row["model"] for row in table(tmp_path)] == ["a2/lite", "a2/full"]


def test_mistakes_are_explained(swept, tmp_path, capsys):
    assert_refused(run(capsys, "compare", tmp_path / "none"), "There is no folder")
    assert_refused(run(capsys, "compare", tmp_path), "no finished run", "jaxamp train")
    assert_refused(run(capsys, "compare", swept, "--block", 0), "--block 0")
    started = tmp_path / "started"
    started.mkdir()
    (started / "config.yaml").write_text("seed: 0\n")
    said = run(capsys, "compare", tmp_path)
    assert_refused(said, "no finished run", "1 runs are not finished")


def test_a_large_or_deep_file_is_not_read(swept, tmp_path, capsys):
    part = shutil.copytree(swept, tmp_path / "part")
    large, deep, *_ = sorted(part.glob("*/result.json"))
    large.write_text(" " * (5 << 20))
    deep.write_text("[" * 100_000)
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    assert "2 runs are not finished" in said.out
    assert np.isclose(sum(int(row["seeds"]) for row in table(part)), 6)


def test_rows_are_named_after_what_was_chosen_of_a_group(tmp_path, capsys):
    swept = (
        "optimizer=adam,adamw",
        "optimizer.b1=0.8,0.9",
        "hydra.launcher.table=false",
    )
    said = run(
        capsys, "train", "-m", *QUICK, "train.steps=2", "train.validate_every=2",
        *swept, f"hydra.sweep.dir={tmp_path}",
    )  # fmt: skip
    assert said.status == 0, said
    assert run(capsys, "compare", tmp_path, "--as-recorded").status == 0
    assert {row["model"] for row in table(tmp_path)} == {
        f"linear/256 optimizer={one} optimizer.b1={b1}"
        for one in ("adam", "adamw")
        for b1 in ("0.8", "0.9")
    }


@pytest.mark.parametrize(
    "choices", [["adam"], "adam", 3, {"optimizer": ["adam"]}, {"loss": 1}]
)
def test_choices_that_are_none_leave_a_run_out(swept, tmp_path, capsys, choices):
    part = shutil.copytree(swept, tmp_path / "part")
    first = min(part.glob("*/result.json"))
    result = json.loads(first.read_text()) | {"choices": choices}
    first.write_text(json.dumps(result))
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    assert sum(int(row["seeds"]) for row in table(part)) == 7


def test_runs_from_before_a_key_or_choices_were_kept_share_a_row_with_newer_ones(
    swept, tmp_path, capsys
):
    part = shutil.copytree(swept, tmp_path / "part")
    first = min(part.glob("*/result.json"))
    result = json.loads(first.read_text())
    del result["choices"]
    first.write_text(json.dumps(result))
    config = first.with_name("config.yaml")
    lines = config.read_text().splitlines(keepends=True)
    older = "".join(line for line in lines if "level_db" not in line)
    assert len(older) < sum(map(len, lines))
    config.write_text(older)
    assert run(capsys, "compare", part, "--as-recorded").status == 0
    assert {row["model"] for row in table(part)} == {
        "linear/256 model.receptive_field=4", "linear/256 model.receptive_field=8",
    }  # fmt: skip


def test_a_configuration_that_grows_by_references_is_left_out(swept, tmp_path, capsys):
    part = shutil.copytree(swept, tmp_path / "part")
    first = min(part.glob("*/config.yaml"))
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(30):
        bomb += f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n"
    first.write_text(first.read_text() + bomb)
    said = run(capsys, "compare", part, "--as-recorded")
    assert said.status == 0, said
    assert sum(int(row["seeds"]) for row in table(part)) == 7


# --- links and sound ------------------------------------------------------------------


def page_data(folder):
    """What the scripts of a comparison's page know."""
    page = (folder / "comparison.html").read_text()
    start = page.index('<script type="application/json" id="data">')
    return json.loads(page[page.index(">", start) + 1 : page.index("</script>", start)])


def test_the_page_leads_to_each_run_from_wherever_it_lies(swept, tmp_path, capsys):
    runs = shutil.copytree(swept, tmp_path / "sweep #1")
    reported = min(runs.glob("*/result.json")).with_name("report.html")
    reported.write_text("a report")
    for output in (runs, tmp_path / "else" / "where"):
        said = run(capsys, "compare", runs, "--as-recorded", "--output", output)
        assert said.status == 0, said
        found = {
            (output / urllib.parse.unquote(run["href"])).resolve()
            for capture in page_data(output)["captures"]
            for row in capture["rows"]
            for run in row["runs"]
        }
        folders = {file.parent for file in runs.glob("*/result.json")}
        assert len(folders) == 8
        assert found == folders - {reported.parent} | {reported}


def test_a_listening_page_plays_the_best_run_of_each_row_beside_the_amp(
    swept, tmp_path, capsys
):
    said = run(capsys, "compare", swept, "--as-recorded", "--output", tmp_path,
               "--listen", "--seconds", 1, "--passages", 1)  # fmt: skip
    assert said.status == 0, said
    assert "2 passages to rate" in said.out
    data = page_data(tmp_path)
    assert len(data["trials"]) == 2
    for capture, trial in zip(data["captures"], data["trials"], strict=True):
        assert trial["name"] == f"{capture['name']}, 0.0 to 1.0 s"
        assert trial["capture"] == capture["name"]
        clips = trial["clips"]
        assert [clips[name]["label"] for name in clips] == [
            "Hidden reference", "Low anchor", "linear/256 model.receptive_field=4",
            "linear/256 model.receptive_field=8",
        ]  # fmt: skip
        target = decoded(clips["reference"])
        assert [row["model"] for row in capture["rows"]] == [
            clips["model 0"]["label"], clips["model 1"]["label"],
        ]  # fmt: skip
        for row, name in zip(capture["rows"], ("model 0", "model 1"), strict=True):
            best = min(one["esr"] for one in row["runs"])
            off = decoded(clips[name]) - target
            assert np.isclose(np.sum(off**2) / np.sum(target**2), best, rtol=1e-4)


def decoded(clip):
    samples, _ = soundfile.read(io.BytesIO(base64.b64decode(clip["flac"])))
    return samples * 2.0 ** clip["halvings"]


def test_what_cannot_be_listened_to_is_said(swept, tmp_path, capsys):
    part = shutil.copytree(swept, tmp_path / "part")
    for file in part.glob("*/config.yaml"):
        text = file.read_text()
        if "gain: 0.3" in text:
            file.write_text(text.replace("gain: 0.3", "gain: 0.4"))
    listen = ("compare", part, "--as-recorded", "--listen", "--passages", 1)
    said = run(capsys, *listen)
    assert said.status == 0, said
    assert "gain 0.3 tone 0.5 level 0.7 nothing is played" in said.out
    assert len(page_data(part)["trials"]) == 1
    for file in part.glob("*/config.yaml"):
        text = file.read_text()
        file.write_text(text.replace("jaxamp.data.demo", "jaxamp.data.none"))
    assert_refused(run(capsys, *listen), "nothing to listen to", "cannot be read")
    assert_refused(run(capsys, *listen, "--seconds", 99), "--seconds 99 must be from 1")
    assert_refused(run(capsys, "compare", part, "--seconds", 3), "are for --listen")
