"""Models with knobs on their way in and out: begun with, prepared, baked, refused."""

import jax
import numpy as np
import pytest
import yaml
from configs import configuration
from knobbed import ARRAYS, KINDS, cells, convolutions, turned
from runs import assert_refused, run
from tiny import capture, noise

import jaxamp
from jaxamp import formats
from jaxamp.cli.complete import in_the_middle
from jaxamp.cli.config import build
from jaxamp.cli.export import at_setting
from jaxamp.cli.folder import refuse_other
from jaxamp.cli.info import described, table
from jaxamp.cli.prepare import knob_options, refuse_deaf
from jaxamp.core import ConfigError, FormatError, Recording, RunError
from jaxamp.formats import players, write
from jaxamp.loading import Loaded
from jaxamp.models import bake, recurrent, wavenet
from jaxamp.train.flat import replaced
from jaxamp.warm_start import beginning, sentence

RATE = 48_000
SOUND = noise(300)
SETTING = [0.1, 0.9]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """A file of each architecture without knobs."""
    folder = tmp_path_factory.mktemp("snapshots")
    made = {
        "WaveNet": wavenet(arrays=ARRAYS, head_scale=0.02),
        "LSTM": recurrent(hidden=[3]),
    }
    for name, model in made.items():
        write(folder / f"{name}.nam", model, turned(model), metadata={"loudness": 0.0,
              "gain": 0.0})  # fmt: skip
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["WaveNet", "LSTM"])
def test_a_snapshot_is_begun_with_whole_and_plays_as_it_did(snapshots, name, kind):
    path = snapshots / f"{name}.nam"
    if name == "WaveNet":
        model = convolutions(kind)
    else:
        model = recurrent(hidden=[3], controls=["a", "b"], conditioning=KINDS[kind])
    begun = beginning(path, model, size=None)
    assert begun.whole, sentence(begun.record)
    record = begun.record
    assert "Its knobs begin without effect" in sentence(record)
    shapes = jax.tree.leaves(jax.eval_shape(model.init, jax.random.key(1)))
    total = sum(leaf.size for leaf in shapes)
    assert total == record["parameters"] + record["parameters_of_knobs"]
    if f"{name} {kind}" in ("WaveNet film", "LSTM concat", "LSTM film"):
        params = replaced(model.init(jax.random.key(1)), begun.taken)
        y = jaxamp.process(model, params, SOUND, controls=SETTING)
        z = jaxamp.process(*jaxamp.load(path), SOUND)
        np.testing.assert_allclose(y, z, rtol=0, atol=1e-6)


def test_other_knobs_than_the_snapshots_are_told(tmp_path):
    model = cells("LSTM", "concat")
    write(tmp_path / "a.json", model, turned(model), format="coreaudioml")
    other = recurrent(hidden=[3], skip=True, controls=["gain", "bass"])
    begun = beginning(tmp_path / "a.json", other, size=None)
    assert 'controls is ["gain", "bass"] here, ["gain", "tone"]' in sentence(
        begun.record
    )


def knobs_of(recording, conditioning, name):
    node = configuration(f"model={name}")["model"]
    options = knob_options(node, conditioning, recording)
    model = build(node, "model", sample_rate=RATE, **options)
    refuse_deaf(model, recording, conditioning)
    return model


def test_recordings_with_knobs_give_them_to_the_models_that_take_them():
    one = capture(100)
    knobbed = Recording((one,), (one,), RATE, controls=("gain",))
    chosen = configuration()["conditioning"]
    assert chosen == {"kind": "film", "hidden": 16}
    for name in ("wavenet/nano", "lstm/1x8", "gru/1x16"):
        model = knobs_of(knobbed, chosen, name)
        assert model.controls == ("gain",)
        assert model.hyperparameters["conditioning"] == chosen
        assert knobs_of(Recording((one,), (one,), RATE), chosen, name).controls == ()
    with pytest.raises(ConfigError, match="conditioning=film is none of its ways"):
        knobs_of(knobbed, chosen, "sequential/conv_gru")
    assert knobs_of(knobbed, {"kind": "concat"}, "sequential/conv_gru").controls
    with pytest.raises(ConfigError, match="'flim' is not known"):
        knobs_of(Recording((one,), (one,), RATE), {"kind": "flim"}, "lstm/1x8")


def test_each_kind_is_a_choice_of_the_configuration():
    for kind in KINDS:
        assert configuration(f"conditioning={kind}")["conditioning"]["kind"] == kind


def test_export_bakes_a_setting_into_a_nam_file_and_says_so(tmp_path, capsys):
    model = recurrent(hidden=[3], controls=["gain", "tone"], sample_rate=RATE)
    params = turned(model)
    write(tmp_path / "amp.json", model, params, format="coreaudioml",
          metadata={"name": "Amp"})  # fmt: skip
    for options, setting in (((), [0.5, 0.5]), (("--knob", "gain=0.7"), [0.7, 0.5])):
        out = tmp_path / "out.nam"
        said = run(capsys, "export", tmp_path / "amp.json", out, *options)
        assert said.status == 0, said
        words = f"gain {setting[0]:g}, tone {setting[1]:g}"
        assert f"baked in at {words}." in said.err
        plain, weights, metadata = formats.read(out)
        assert plain.controls == ()
        assert metadata["name"] == f"Amp ({words})"
        np.testing.assert_allclose(
            jaxamp.process(plain, weights, SOUND),
            jaxamp.process(model, params, SOUND, controls=setting),
            rtol=0,
            atol=1e-5,
        )
    (tmp_path / "out.nam").unlink()
    for knob, words in (("drive=0.5", "gain, tone"), ("gain=1.5", "0 to 1")):
        said = run(capsys, "export", tmp_path / "amp.json", tmp_path / "out.nam",
                   "--knob", knob)  # fmt: skip
        assert_refused(said, words)
    assert [file.name for file in tmp_path.iterdir()] == ["amp.json"]


def test_a_live_format_is_baked_only_if_asked(tmp_path, capsys):
    model = cells("LSTM", "concat")
    write(tmp_path / "amp.json", model, turned(model), format="coreaudioml")
    for options, controls in (((), ("gain", "tone")), (("--knob", "tone=0"), ())):
        out = tmp_path / "out.json"
        said = run(capsys, "export", tmp_path / "amp.json", out,
                   "--format", "coreaudioml", *options)  # fmt: skip
        assert said.status == 0, said
        assert jaxamp.load(out)[0].controls == controls


def test_knobs_that_turn_layers_are_baked_for_any_player(tmp_path, capsys):
    model = cells("GRU", "hyper")
    params = turned(model)
    with pytest.raises(FormatError, match=r"conditioning=concat .* --knob"):
        write(tmp_path / "amp.json", model, params, format="rtneural")
    baked = at_setting(Loaded(model, params, {}), {"gain": 0.25})
    assert "tone in the middle" in capsys.readouterr().err
    write(tmp_path / "amp.json", baked.model, baked.params, format="rtneural")
    found, wanted = (
        jaxamp.load(tmp_path / "amp.json")[1],
        bake(model, params, [0.25, 0.5]),
    )
    jax.tree.map(np.testing.assert_allclose, found, wanted[1])


def test_a_runs_own_file_says_that_its_knobs_stand_in_the_middle(tmp_path, capsys):
    model = convolutions("film")
    params = turned(model)
    said = in_the_middle(model, {"name": "Amp", "loudness": -20.0, "gain": 0.5})
    assert "baked in at gain 0.5, tone 0.5" in capsys.readouterr().out
    assert said == {
        "name": "Amp (gain 0.5, tone 0.5)", "loudness": -20.0, "gain": 0.5
    }  # fmt: skip
    with pytest.raises(FormatError, match=r"has gain, tone.*--knob gain=0\.7"):
        write(tmp_path / "amp.nam", model, params)
    write(tmp_path / "amp.nam", *bake(model, params), metadata=said)
    found, wanted = (
        jaxamp.load(tmp_path / "amp.nam")[1],
        bake(model, params, [0.5, 0.5]),
    )
    jax.tree.map(np.testing.assert_allclose, found, wanted[1])


def test_who_plays_a_model_with_knobs_is_told_apart_from_who_plays_a_setting():
    live = players(recurrent(hidden=[40], skip=True, controls=["gain"],
                             sample_rate=44_100))  # fmt: skip
    assert live["Proteus"] == "yes, as proteus"
    assert live["AIDA-X"] == "yes, as aidax"
    film = players(recurrent(hidden=[40], skip=True, controls=["gain"],
                             sample_rate=44_100, conditioning="film"))  # fmt: skip
    assert "at one setting" in film["Proteus"]
    assert "at one setting" in players(convolutions("hyper"))["Neural Amp Modeler"]
    assert players(convolutions("hyper"))["Proteus"].startswith("no: ")


def test_a_run_of_before_there_were_knobs_goes_on(tmp_path):
    now = {"seed": 0, "conditioning": {"kind": "film", "hidden": 16}}
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    refuse_other(tmp_path, now)
    with pytest.raises(RunError, match="seed was 0, now 1"):
        refuse_other(tmp_path, {**now, "seed": 1})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(now))
    with pytest.raises(RunError, match=r"conditioning.kind was 'film', now 'concat'"):
        refuse_other(tmp_path, {**now, "conditioning": {"kind": "concat"}})


def test_info_tells_how_knobs_are_heard_and_what_moving_them_costs():
    model = convolutions("film")
    loaded = Loaded(model, jax.eval_shape(model.init, jax.random.key(0)), {})
    facts = described(loaded) | {
        "sizes": [1.0], "players": players(model), "macs_of_moving_knobs": 12_345
    }  # fmt: skip
    assert facts["macs_per_sample"] == model.macs_per_sample
    assert "film, 12,345 multiply-adds a sample more as they move" in table(facts)
