"""Training on an amp with knobs, and judging it setting by setting."""

import json
import shutil

import jax
import numpy as np
import pytest
from configs import configuration
from knob_recordings import RATE, amp, dry, write, write_amp
from runs import assert_refused, esrs, run

import jaxamp
from jaxamp import formats
from jaxamp.models import recurrent
from jaxamp.train import read_lines

TINY = (
    "data=knobs",
    "data.validation=[gain 5]",
    "model=lstm/1x8",
    "model.hidden=[3]",
    "loss=mse",
    "schedule=constant",
    "train.outputs=256",
    "train.batch=4",
    "train.burn_in=64",
    "train.chunk=null",
    "train.validate_every=10",
    "train.steps=20",
)


def train(capsys, manifest, folder, *overrides):
    return run(
        capsys, "train", *TINY, f"data.manifest={manifest}", *overrides,
        f"hydra.run.dir={folder}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_amp(tmp_path_factory.mktemp("amp"), values=(0, 5, 10))


@pytest.fixture(scope="module")
def turned(manifest, tmp_path_factory):
    """The folder of a run over three settings, and what it said."""
    from jaxamp.cli.main import main  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("turned") / "run"
    arguments = [*TINY, f"data.manifest={manifest}", f"hydra.run.dir={folder}"]
    assert main(["train", *arguments]) == 0
    return folder


def test_the_recipe_for_knobs_learns_more_slowly_than_the_best_without():
    of_knobs, best = (configuration(f"+experiment={one}") for one in ("knobs", "best"))
    assert of_knobs["data"]["_target_"] == "jaxamp.data.knobs"
    rates = [one["optimizer"].pop("learning_rate") for one in (of_knobs, best)]
    assert rates[0] < rates[1] / 2
    for key in ("optimizer", "loss", "train"):
        assert of_knobs[key] == best[key], "what else was measured is the same"


def by_hand(folder, gain, begin=0):
    """The ESR at a setting, played at once by the kept parameters."""
    model, params = jaxamp.load(folder)
    knobs = np.array([gain / 10], np.float32) if model.controls else None
    played = jaxamp.process(model, params, dry(), controls=knobs)
    wrong = (played - amp(dry(), gain))[begin:]
    return np.sum(wrong**2) / np.sum(amp(dry(), gain)[begin:] ** 2)


def test_the_result_tells_the_esr_of_every_setting(turned):
    result = json.loads((turned / "result.json").read_text())
    told = result["knobs"]
    assert told["names"] == ["gain"]
    found = {one["name"]: one for one in told["settings"]}
    assert {name: one["seen"] for name, one in found.items()} == {
        "gain 5": False,
        "gain 0": True,
        "gain 10": True,
    }
    assert [found[f"gain {g}"]["knobs"] for g in (0, 5, 10)] == [
        {"gain": 0.0},
        {"gain": 0.5},
        {"gain": 1.0},
    ]
    for name, gain, begin in (("gain 5", 5, 0), ("gain 0", 0, 7200)):
        expected = by_hand(turned, gain, begin)
        np.testing.assert_allclose(found[name]["esr"], expected, rtol=1e-3)
    assert result["esr"] == told["esr_mean"] == found["gain 5"]["esr"]
    assert told["esr_worst"] == {"name": "gain 5", "esr": result["esr"]}
    seen = [found["gain 0"]["esr"], found["gain 10"]["esr"]]
    np.testing.assert_allclose(told["esr_mean_seen"], np.mean(seen))
    # What the loop judged by is what is told at the end.
    judged = min(esrs(read_lines(turned / "metrics.jsonl")).values())
    np.testing.assert_allclose(judged, result["esr"], rtol=1e-3)


def test_the_summary_names_the_worst_setting(manifest, tmp_path, capsys):
    said = train(
        capsys, manifest, tmp_path / "run", "data.validation_share=0.4",
        "data.validation=null", "train.steps=1", "data.seen_share=0",
    )  # fmt: skip
    assert said.status == 0, said
    assert "the mean over 1 settings never heard; the worst is" in said.out
    assert "at gain 5. Kept in" in said.out


def test_a_run_goes_on_where_it_stopped(turned, manifest, tmp_path, capsys):
    copy = shutil.copytree(turned, tmp_path / "run")
    said = train(capsys, manifest, copy, "train.steps=30")
    assert said.status == 0, said
    result = json.loads((copy / "result.json").read_text())
    assert result["train"]["steps"] == 30
    assert len(result["knobs"]["settings"]) == 3


def test_a_model_without_knobs_is_only_trained_when_asked_for(
    manifest, tmp_path, capsys
):
    folder = tmp_path / "run"
    said = run(
        capsys, "train", "data=knobs", f"data.manifest={manifest}", "model=linear/256",
        f"hydra.run.dir={folder}",
    )  # fmt: skip
    assert_refused(said, "knobs, gain,", "this Linear hears none", "model=lstm/1x16")
    said = train(capsys, manifest, folder, "+model.controls=[treble]")
    assert_refused(said, "knob 'treble'", "their knobs are gain")
    assert not folder.exists()
    said = train(capsys, manifest, folder, "+model.controls=[]", "train.steps=1")
    assert said.status == 0, said
    result = json.loads((folder / "result.json").read_text())
    (unseen,) = (one for one in result["knobs"]["settings"] if not one["seen"])
    assert unseen["knobs"] == {"gain": 0.5}, "it is judged there all the same"
    np.testing.assert_allclose(unseen["esr"], by_hand(folder, 5), rtol=1e-3)


def test_the_report_shows_one_setting_and_says_which(turned, tmp_path, capsys):
    page = tmp_path / "page.html"
    said = run(
        capsys, "report", turned, "--output", page, "--no-timing", "--seconds", "0.3"
    )
    assert said.status == 0, said
    text = page.read_text()
    assert "one setting, gain 5, the one of 1 that comes out worst" in text
    assert "Setting by setting" in text
    for words in ("gain 10", "never heard", "learned from"):
        assert words in text
    result = json.loads((turned / "result.json").read_text())
    assert f"(ESR {result['esr']:.4g})" in text


def test_compare_lists_the_run_under_its_manifest(turned, tmp_path, capsys):
    said = run(capsys, "compare", turned, "--as-recorded", "--output", tmp_path)
    assert said.status == 0, said
    assert "knobs.yaml, 3 recordings over gain" in said.out
    result = json.loads((turned / "result.json").read_text())
    row = (tmp_path / "comparison.csv").read_text().splitlines()[1]
    assert f"{result['esr']:.6g}"[:6] in row


def test_evaluate_holds_a_model_against_every_setting_of_a_manifest(
    turned, manifest, tmp_path, capsys
):
    file = tmp_path / "told.json"
    said = run(capsys, "evaluate", turned, "--manifest", manifest, "--json", file)
    assert said.status == 0, said
    told = json.loads(file.read_text())
    found = {one["name"]: one["esr"] for one in told["settings"]}
    expected = {f"gain {g}": by_hand(turned, g) for g in (0, 5, 10)}
    for name, esr in expected.items():
        np.testing.assert_allclose(found[name], esr, rtol=1e-3)
        assert f"{name}" in said.out
    np.testing.assert_allclose(told["esr"], np.mean([*expected.values()]), rtol=1e-3)
    worst = max(found, key=lambda name: found[name])
    assert told["esr_worst"]["name"] == worst
    assert f"worst: {worst}" in said.out


def test_evaluate_finds_one_latency_for_all_settings(tmp_path, capsys):
    """Each target trails by 30 samples, and nothing in the manifest says so."""
    model = recurrent(hidden=[3], skip=True, controls=["gain"], sample_rate=RATE)
    params = model.init(jax.random.key(0))
    file, told = tmp_path / "amp.json", tmp_path / "told.json"
    formats.write(file, model, params, format="coreaudioml")
    path = write_amp(tmp_path, values=(0, 10), delay=None)
    for gain in (0, 10):
        knobs = np.array([gain / 10], np.float32)
        y = jaxamp.process(model, params, dry(), controls=knobs)
        write(tmp_path / f"g{gain}.wav", np.append(np.zeros(30, np.float32), y))
    said = run(capsys, "evaluate", file, "--manifest", path, "--json", told)
    assert said.status == 0, said
    answer = json.loads(told.read_text())
    assert answer["delay"] == 30
    assert answer["esr_worst"]["esr"] < 1e-9


def test_a_manifest_that_lacks_the_models_knob_is_refused(turned, tmp_path, capsys):
    path = write_amp(tmp_path, values=(0, 5))
    text = (tmp_path / "knobs.yaml").read_text().replace("gain:", "drive:")
    (tmp_path / "knobs.yaml").write_text(text)
    said = run(capsys, "evaluate", turned, "--manifest", path)
    assert_refused(said, "'gain'", "their knobs are drive")
    said = run(capsys, "evaluate", turned, "--manifest", path, "--knob", "gain=1")
    assert_refused(said, "--knob and --manifest do not go together")
