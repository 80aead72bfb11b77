"""reamp, evaluate, export and info agree on a run and on the file it exported."""

import json

import numpy as np
import onnxruntime
import pytest
import soundfile
from runs import assert_refused, run
from tiny import RATE, noise

import jaxamp
from jaxamp.cli.main import COMMANDS
from jaxamp.evaluate import lag


def write(path, audio, rate=RATE):
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return path


def heard(path):
    audio, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return audio


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    return write(tmp_path_factory.mktemp("dry") / "dry.wav", noise(30_011))


@pytest.fixture(scope="module")
def wet(finished, dry):
    """What the run plays, a little wrong, so that there is something to measure."""
    model, params = jaxamp.load(finished)
    y = jaxamp.process(model, params, heard(dry))
    return y + 0.3 * np.std(y) * noise(y.size, seed=1, level=1.0)


@pytest.mark.parametrize("name", [".", "model.nam"])
def test_reamp_writes_what_process_plays(finished, dry, tmp_path, capsys, name):
    said = run(capsys, "reamp", finished / name, dry, tmp_path / "out.wav")
    assert said.status == 0, said
    model, params = jaxamp.load(finished)
    np.testing.assert_allclose(
        heard(tmp_path / "out.wav"),
        jaxamp.process(model, params, heard(dry)),
        rtol=0,
        atol=1e-6,
    )


def test_the_size_of_the_block_does_not_change_the_file(
    finished, dry, tmp_path, capsys
):
    files = []
    for block in (64, 1000, 2048, 100_000):
        files.append(tmp_path / f"{block}.wav")
        said = run(capsys, "reamp", finished, dry, files[-1], "--block", block)
        assert said.status == 0, said
    for file in files[1:]:
        np.testing.assert_allclose(heard(file), heard(files[0]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2047, 2049])
def test_a_file_that_fills_no_block_is_played_to_its_end(
    finished, tmp_path, capsys, length
):
    x = noise(length)
    said = run(
        capsys, "reamp", finished, write(tmp_path / "in.wav", x), tmp_path / "out.wav"
    )
    assert said.status == 0, said
    model, params = jaxamp.load(finished)
    y = heard(tmp_path / "out.wav")
    assert y.size == length
    np.testing.assert_allclose(y, jaxamp.process(model, params, x), atol=1e-6)


def test_flac_that_clips_is_warned_of(finished, tmp_path, capsys):
    loud = write(tmp_path / "in.wav", noise(500, level=100.0))
    model, params = jaxamp.load(finished)
    peak = np.max(np.abs(jaxamp.process(model, params, heard(loud))))
    said = run(capsys, "reamp", finished, loud, tmp_path / "out.flac")
    assert said.status == 0
    assert ("are clipped" in said.err) == bool(peak > 1)


def numbers(capsys, finished, tmp_path, x, y, *options):
    said = run(
        capsys, "evaluate", finished,
        "--input", write(tmp_path / "x.wav", x),
        "--target", write(tmp_path / "y.wav", y),
        "--json", tmp_path / "numbers.json", *options,
    )  # fmt: skip
    assert said.status == 0, said
    return json.loads((tmp_path / "numbers.json").read_text()), said


@pytest.mark.parametrize("name", [".", "model.nam"])
def test_evaluate_gives_the_esr_of_numpy(finished, dry, wet, tmp_path, capsys, name):
    x = heard(dry)
    found, said = numbers(capsys, finished / name, tmp_path, x, wet)
    model, params = jaxamp.load(finished)
    error = np.float64(jaxamp.process(model, params, x)) - wet
    expected = np.sum(error**2) / np.sum(np.float64(wet) ** 2)
    np.testing.assert_allclose(found["esr"], expected, rtol=1e-4)
    assert found["metrics"]["esr"] == found["esr"]
    assert found["delay"] == 0
    assert next(iter(found)) == "esr"
    assert f"{found['esr']:.6g}" in said.out


def test_several_pairs_have_the_lag_that_suits_them_together():
    generator = np.random.default_rng(0)
    alike, unlike = generator.standard_normal((2, 9600))
    late = np.roll(alike, 30)
    other = 0.2 * np.roll(unlike, -50) + generator.standard_normal(9600)
    assert lag((alike, late)) == 30
    assert lag((unlike, 100 * other)) == -50
    assert lag((alike, late), (unlike, 100 * other)) == 30


@pytest.mark.parametrize("delay", [1, 137, -40])
def test_evaluate_finds_a_delay_that_was_added(
    finished, dry, wet, tmp_path, capsys, delay
):
    x = heard(dry)
    plain, _ = numbers(capsys, finished, tmp_path, x, wet)
    late = np.roll(wet, delay)
    late[:delay] = 0
    if delay < 0:
        late = wet[-delay:]
    found, _ = numbers(capsys, finished, tmp_path, x, late)
    assert found["delay"] == delay
    np.testing.assert_allclose(found["esr"], plain["esr"], rtol=0.05)
    given, _ = numbers(capsys, finished, tmp_path, x, late, f"--delay={delay}")
    assert given["esr"] == found["esr"]


def test_export_writes_the_file_the_run_left(finished, tmp_path, capsys):
    out = tmp_path / "again.nam"
    assert run(capsys, "export", finished, out).status == 0
    left, again = (json.loads(p.read_text()) for p in (finished / "model.nam", out))
    assert again == left
    second = tmp_path / "second.nam"
    assert run(capsys, "export", out, second).status == 0
    assert json.loads(second.read_text())["weights"] == left["weights"]


def test_info_says_the_same_of_run_and_file(finished, capsys):
    told = [
        json.loads(run(capsys, "info", path, "--json").out)
        for path in (finished, finished / "model.nam")
    ]
    # A .nam file always has a learned beginning, so it holds six more numbers.
    for key in ("architecture", "macs_per_sample", "receptive_field", "sample_rate"):
        assert told[0][key] == told[1][key]
    assert told[0]["metadata"] == told[1]["metadata"]
    result = json.loads((finished / "result.json").read_text())
    assert told[0]["parameters"] == result["parameters"]
    assert f"{result['parameters']:,}" in run(capsys, "info", finished).out


# --- what is refused ----------------------------------------------------------------


def test_a_file_of_another_rate_is_refused(finished, tmp_path, capsys):
    x = write(tmp_path / "x.wav", noise(1000), rate=44_100)
    said = run(capsys, "reamp", finished, x, tmp_path / "out.wav")
    assert_refused(said, "48000 Hz", "44100 Hz")
    said = run(capsys, "evaluate", finished, "--input", x, "--target", x)
    assert_refused(said, "48000 Hz", "44100 Hz")
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]


def test_reamp_leaves_nothing_behind_on_a_mistake(finished, dry, tmp_path, capsys):
    broken = noise(300_000)
    broken[290_000] = np.nan
    nan = write(tmp_path / "nan.wav", broken)
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    cases = [
        ([finished, nan, tmp_path / "out.wav"], "NaN"),
        ([finished, nan, nan], "both input and output"),
        ([finished, dry, tmp_path / "none" / "out.wav"], "does not exist"),
        ([finished, dry, tmp_path / "file" / "out.wav"], "file"),
        ([finished, dry, tmp_path / "out.mp3"], ".wav, .flac"),
        ([finished, tmp_path / "none.wav", tmp_path / "out.wav"], "does not exist"),
        ([tmp_path / "none.nam", dry, tmp_path / "out.wav"], "no model at"),
        ([tmp_path, dry, tmp_path / "out.wav"], "no run directory"),
        ([finished, dry, tmp_path / "out.wav", "--block", 0], "1 sample or more"),
    ]
    for arguments, words in cases:
        assert_refused(run(capsys, "reamp", *arguments), words)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["info", "reamp", "export"])
def test_a_damaged_player_file_is_refused_by_every_command(
    finished, dry, tmp_path, capsys, command
):
    whole = (finished / "model.nam").read_text()
    document = json.loads(whole)
    damaged = {
        "cut.nam": whole[: len(whole) // 2],
        "short.nam": json.dumps({**document, "weights": document["weights"][:-1]}),
        "nan.nam": whole.replace(str(document["weights"][0]), "NaN", 1),
        "other.nam": json.dumps({**document, "architecture": "Quantum"}),
        "empty.nam": "",
        "binary.nam": "\x00\x01\x02",
    }
    for name, text in damaged.items():
        (tmp_path / name).write_text(text)
        rest = {"info": [], "reamp": [dry, tmp_path / "o.wav"]}.get(
            command, [tmp_path / "o.nam"]
        )
        assert_refused(run(capsys, command, tmp_path / name, *rest), name)
    with (tmp_path / "huge.nam").open("wb") as file:
        file.truncate(33 << 20)
    assert_refused(run(capsys, "info", tmp_path / "huge.nam"), "larger than 32 MB")
    assert not list(tmp_path.glob("o.*"))


def test_a_run_leaves_as_a_graph_of_a_signal_and_of_a_block(finished, tmp_path, capsys):
    said = run(capsys, "export", finished, tmp_path / "amp.onnx")
    assert said.status == 0, said
    stream = ("--format", "onnx_stream")
    assert run(capsys, "export", finished, tmp_path / "b.onnx", *stream).status == 0
    x = noise(300)
    model, params = jaxamp.load(finished)
    expected = jaxamp.process(model, params, x)
    for name, parts in {"amp.onnx": 0, "b.onnx": 2}.items():
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # defaults of inputs are warned of
        graph = onnxruntime.InferenceSession(str(tmp_path / name), options)
        y, *state = graph.run(None, {"x": x[None, None]})
        np.testing.assert_allclose(y[0, 0], expected, rtol=0, atol=1e-5)
        assert len(state) == parts


def test_export_refuses_formats_it_does_not_know(finished, tmp_path, capsys):
    assert_refused(run(capsys, "export", finished, tmp_path / "a.wav"), "nam (.nam)")
    said = run(capsys, "export", finished, tmp_path / "a.json")
    players = "proteus or neuralpi or coreaudioml or rtneural"
    assert_refused(said, "does not say for which player", players)
    said = run(capsys, "export", finished, tmp_path / "none" / "a.nam")
    assert_refused(said, "cannot be written")
    assert not list(tmp_path.iterdir())


def test_a_command_that_is_not_one_is_told(capsys):
    assert_refused(run(capsys, "reampp"), *COMMANDS)
    assert run(capsys, "--help").status == 0
