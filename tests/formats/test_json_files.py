"""Files that end in .json: recognised by their keys, never crashing the reader."""

import json
import random
import tracemalloc
import warnings

import pytest
from random_models import UNMEASURED, draw_params

from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.formats.files import LARGEST_FILE
from jaxamp.models import recurrent

MODEL = recurrent(hidden=[2], controls=["gain"], sample_rate=44_100)


@pytest.fixture
def written(tmp_path):
    """The content of a small file of each format."""
    documents = {}
    for name in ("coreaudioml", "rtneural"):
        formats.write(tmp_path / "a.json", MODEL, draw_params(MODEL), format=name)
        documents[name] = json.loads((tmp_path / "a.json").read_text())
    return documents


@pytest.mark.parametrize("name", ["coreaudioml", "rtneural"])
@pytest.mark.parametrize("file", ["amp.json", "AMP.JSON", "amp.aidax"])
def test_a_file_is_recognised_by_its_keys(tmp_path, written, name, file):
    (tmp_path / file).write_text(json.dumps(written[name]))
    for format in (None, "proteus", "aidax"):
        model, _, _ = formats.read(tmp_path / file, format=format)
        assert model is MODEL


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "no model of a known player"),
        ([], "model_data and state_dict or in_shape and layers"),
        ("text", "no model of a known player"),
        ({"model_data": {}}, "no model of a known player"),
        ({"architecture": "LSTM", "weights": [], "config": {}}, "ends in .nam"),
    ],
)
def test_other_files_are_told_what_a_model_has(tmp_path, document, words):
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(FormatError, match=words):
        formats.read(tmp_path / "a.json")


def test_a_suffix_of_several_players_must_say_which(tmp_path):
    params = draw_params(MODEL)
    with pytest.raises(FormatError, match="--format proteus or neuralpi or core"):
        formats.write(tmp_path / "amp.json", MODEL, params)
    formats.write(tmp_path / "amp.json", MODEL, params, format="rtneural")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["model_data"].update(model="ConvGRU"), "only SimpleRNN"),
        (lambda d: d["model_data"].update(unit_type="RNN"), "LSTM and GRU"),
        (lambda d: d["model_data"].update(unit_type={}), "LSTM and GRU"),
        (lambda d: d["model_data"].update(skip=2), "0 and 1 are supported"),
        (lambda d: d["model_data"].update(output_size=2), "only one output"),
        (lambda d: d["model_data"].update(hidden_size=-2), "from 1 to"),
        (lambda d: d["model_data"].update(hidden_size=10**7), "[40000000][2]"),
        (lambda d: d["model_data"].update(num_layers=65), "up to 64"),
        (lambda d: d["model_data"].update(num_layers=10**7), "up to 64"),
        (lambda d: d["model_data"].update(num_layers=2), "rec.weight_ih_l1"),
        (lambda d: d["model_data"].update(input_size=1), "must name 0 knobs"),
        (lambda d: d["model_data"].update(input_size=10**6), "up to 65"),
        (lambda d: d["model_data"].update(bias_fl="yes"), "true or false"),
        (lambda d: d["model_data"].update(dropout=0.5), "dropout is not understood"),
        (lambda d: d["model_data"].pop("hidden_size"), "hidden_size is missing"),
        (lambda d: d.update(model_data=[]), "must be an object"),
        (lambda d: d.update(state_dict=3), "must be an object"),
        (lambda d: d["state_dict"].pop("lin.bias"), "not null"),
        (lambda d: d["state_dict"].update({"lin.extra": []}), "is not understood"),
        (lambda d: d["state_dict"]["rec.bias_ih_l0"].pop(), "not [7]"),
        (lambda d: d["state_dict"]["rec.weight_hh_l0"][3].pop(), "lists differ"),
        (lambda d: d["state_dict"]["lin.bias"].__setitem__(0, 1e39), "precision"),
        (lambda d: d["state_dict"].update({"lin.bias": [3.4e38]}), None),
        (lambda d: d["state_dict"].update(
            {k: [3.4e38] * 8 for k in ("rec.bias_ih_l0", "rec.bias_hh_l0")}
        ), "beyond single precision"),
    ],
)  # fmt: skip
def test_a_damaged_simple_rnn_is_refused_with_its_fault(
    tmp_path, written, change, words
):
    document, path = written["coreaudioml"], tmp_path / "amp.json"
    change(document)
    path.write_text(json.dumps(document))
    if words is None:  # large, but it can be played
        assert formats.read(path)[0] is MODEL
        return
    with pytest.raises(FormatError) as refused:
        formats.read(path)
    assert words in str(refused.value)


def test_a_head_without_bias_has_a_bias_of_zero(tmp_path, written):
    document = written["coreaudioml"]
    del document["state_dict"]["lin.bias"]
    document["model_data"]["bias_fl"] = False
    (tmp_path / "amp.json").write_text(json.dumps(document))
    model, params, _ = formats.read(tmp_path / "amp.json")
    assert model is MODEL
    assert params["head"]["bias"].tolist() == [0.0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x02",
        b'{"model_data": {}, "state_dict": ',
        b"[" * 90_000 + b"]" * 90_000,
        b'{"model_data": {"hidden_size": NaN}, "state_dict": {}}',
        b'{"model_data": {"hidden_size": 1e999}, "state_dict": {}}',
        b'{"in_shape": ' + b"9" * 5000 + b', "layers": []}',
        b'{"in_shape": [1], "layers": ' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_hostile_bytes_are_refused(tmp_path, data):
    (tmp_path / "amp.json").write_bytes(data)
    with pytest.raises(FormatError, match=r"amp.json cannot be read"):
        formats.read(tmp_path / "amp.json")


def mutated(data, rng):
    """A few bytes or a stretch of the file changed, doubled or taken out."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(data)), rng.randint(1, 12)
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.choice(b'0123456789-.eE,:[]{}"tfn ')
        elif kind == 1:
            del data[at : at + size]
        elif kind == 2:
            data[at:at] = data[at : at + size]
        else:
            words = [b"null", b"-1", b"1e30", b'""', b"[]", b"{}", b"true", b"99999"]
            data[at : at + 1] = rng.choice(words)
    return bytes(data)


@pytest.mark.parametrize("name", ["coreaudioml", "rtneural"])
def test_a_mutated_file_is_read_or_refused(tmp_path, written, name):
    whole, rng = json.dumps(written[name]).encode(), random.Random(name)
    path, outcomes = tmp_path / "amp.json", [0, 0]
    for _ in range(1000):
        path.write_bytes(mutated(whole, rng))
        try:
            formats.read(path)
            outcomes[0] += 1
        except FormatError:
            outcomes[1] += 1
    assert min(outcomes) > 20, "both happen, or nothing is tried"


def test_a_nam_file_of_a_model_with_knobs_is_refused(tmp_path):
    with pytest.raises(FormatError, match="it has knobs: gain"):
        formats.write(
            tmp_path / "a.nam", MODEL, draw_params(MODEL), metadata=UNMEASURED
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        formats.write(tmp_path / "a.json", MODEL, draw_params(MODEL), format="rtneural")


def test_a_fault_after_twenty_others_is_still_a_fault(tmp_path):
    """No more than twenty are noted, so their number does not tell of another."""
    damaged = {"type": "conv1d", "kernel_size": [2], "shape": [None, None, 1]}
    layers = [{"type": "harp"}] * 25 + [{**damaged, "weights": [[1.0], [0.0]]}]
    path = tmp_path / "amp.json"
    path.write_text(json.dumps({"in_shape": [None, None, 1], "layers": layers}))
    with pytest.raises(FormatError, match=r'"harp".*and more'):
        formats.read(path)


@pytest.mark.parametrize("name", ["coreaudioml", "rtneural"])
def test_knobs_that_a_file_only_claims_take_no_memory(tmp_path, written, name):
    path, document = tmp_path / "amp.json", written[name]
    del document["metadata"]["controls"]  # knobs without names are numbered
    if name == "rtneural":
        document["in_shape"][-1] = 10_000_000
    else:
        document["model_data"]["input_size"] = 10_000_000
    path.write_text(json.dumps(document))
    tracemalloc.start()
    with pytest.raises(FormatError, match="10000000"):
        formats.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * LARGEST_FILE, "what reading a file of any size takes"
