"""Files from strangers: read, or refused in words. Never anything else."""

import json
import random
import warnings

import pytest

from jaxamp.core import FormatError
from jaxamp.formats import strict_json
from jaxamp.formats.nam import read_nam

ARRAY = {
    "input_size": 1,
    "condition_size": 1,
    "head_size": 1,
    "channels": 2,
    "kernel_size": 2,
    "dilations": [1, 2],
    "activation": "Tanh",
    "gated": False,
    "head_bias": True,
}
WEIGHTS = 2 + 2 * (8 + 2 + 2 + 4 + 2) + 2 + 1 + 1


def wavenet(version="0.5.4", config=None, weights=WEIGHTS, **changes):
    array = {key: v for key, v in {**ARRAY, **changes}.items() if v is not ...}
    return {
        "version": version,
        "architecture": "WaveNet",
        "config": {"layers": [array], "head": None, "head_scale": 0.5} | (config or {}),
        "weights": [0.1] * weights,
        "metadata": {"name": "A test"},
        "sample_rate": 48_000,
    }


def small(architecture, config, weights):
    return {
        "version": "0.5.4",
        "architecture": architecture,
        "config": config,
        "weights": [0.1] * weights,
    }


CONVNET = small(
    "ConvNet",
    {"channels": 2, "dilations": [1], "batchnorm": True, "activation": "ReLU"},
    4 + 8 + 1 + 2 + 1,
)
LSTM = small(
    "LSTM", {"input_size": 1, "hidden_size": 1, "num_layers": 1}, 8 + 4 + 2 + 2
)
LINEAR = small("Linear", {"receptive_field": 3, "bias": True}, 4)


def container(*models):
    submodels = [
        {"max_value": (i + 1) / len(models), "model": model}
        for i, model in enumerate(models)
    ]
    config = {"submodels": submodels}
    return small("SlimmableContainer", config, 0) | {"version": "0.7.0"}


@pytest.fixture
def reading(tmp_path):
    def read(content, **options):
        path = tmp_path / "amp.nam"
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        path.write_bytes(content)
        return read_nam(path, **options)

    return read


NESTED = {"out_channels": 1, "kernel_size": 1, "bias": True}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"head": NESTED},
        {"head": NESTED, "head_size": ..., "head_bias": ...},
        {"kernel_size": ..., "kernel_sizes": [2, 2]},
        {"kernel_size": [2, 2]},
        {"activation": {"type": "Tanh"}},
        {"activation": ["Tanh", {"type": "Tanh"}]},
        {"gated": ..., "gating_mode": "none", "secondary_activation": None},
        {"gating_mode": ["none", "none"], "secondary_activation": [None, None]},
        {"bottleneck": 2, "layer1x1": {"active": True, "groups": 1}},
        {"head1x1": {"active": False, "out_channels": 1, "groups": 1}},
        {"conv_pre_film": {"active": False, "shift": True, "groups": 1}},
        {"slimmable": None, "groups_input": 1, "groups_input_mixin": 1},
    ],
    ids=str,
)
def test_every_spelling_of_one_model_is_the_same_model(reading, changes):
    assert reading(wavenet(**changes))[0] is reading(wavenet())[0]


def test_every_unsupported_feature_is_named_in_one_message(reading):
    features = {
        "gating_mode": "sometimes",
        "bottleneck": 0,
        "groups_input": "two",
        "head1x1": {"active": True},
        "layer1x1": {"active": False, "colour": "red"},
        "slimmable": {"method": "by_half"},
        "condition_size": 3,
        "conv_post_film": {"active": True, "shift": "yes"},
        "activation": "Softsigmoid",
        "colour": "red",
    }
    config = {"in_channels": 2, "head": {"channels": 1}}
    with pytest.raises(FormatError) as caught:
        reading(wavenet("0.7.0", config, **features))
    names = {
        "head1x1": "head1x1.out_channels",
        "layer1x1": "layer1x1.colour",
        "slimmable": "slimmable.method",
        "conv_post_film": "conv_post_film.shift",
    }
    for key in features:
        assert f"config.layers[0].{names.get(key, key)}" in str(caught.value)
    for key in ("in_channels", "head.kernel_sizes", "head.activation"):
        assert f"config.{key} " in str(caught.value)
    assert str(caught.value).startswith("amp.nam cannot be read: ")


PRELU = {"type": "PReLU", "negative_slopes": [0.1, 0.2, 0.3]}
SLICED = {
    "method": "slice_channels_uniform",
    "kwargs": {"allowed_channels": [2, 1]},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel_sizes": [2, 2]}, "kernel_sizes is given beside kernel_size"),
        ({"kernel_size": [2]}, "lists 1 sizes for 2 dilations"),
        ({"activation": ["Tanh"]}, "lists 1 for 2 dilations"),
        ({"activation": {"type": "LeakyReLU", "slope": 1}}, "does not take slope"),
        ({"head": dict(NESTED, bias=False)}, "contradicts head_size"),
        ({"head_size": 2}, "a head of 2 channels, 1 expected"),
        ({"channels": 0}, "channels must be a whole number from 1"),
        ({"channels": True}, "channels must be a whole number from 1"),
        ({"dilations": []}, "dilations must be a list"),
        ({"dilations": [1, 10_000_000]}, "hears 10000002 samples"),
        ({"kernel_size": 3_000}, "has 6001 taps; 4096 are supported"),
        ({"gating_mode": ["none"]}, "gating_mode lists 1 for 2 dilations"),
        ({"gated": True, "gating_mode": "none"}, "gated contradicts gating_mode"),
        ({"bottleneck": 3}, "expected"),
        ({"bottleneck": 3, "layer1x1": {"active": False}}, "bottleneck, 3, must be as"),
        ({"groups_input": 3}, "The convolution in 3 groups cannot share out 2"),
        ({"activation": PRELU}, "3 negative_slopes for 2 channels"),
        ({"layer1x1_post_film": {}, "layer1x1": {"active": False}}, "needs layer1x1"),
        ({"slimmable": SLICED}, "must ascend and end with the channels, 2"),
    ],
    ids=str,
)
def test_a_wrong_config_is_told_what_is_wrong(reading, changes, message):
    with pytest.raises(FormatError) as caught:
        reading(wavenet(**changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "document", [wavenet(), CONVNET, LSTM, LINEAR], ids=lambda d: d["architecture"]
)
@pytest.mark.parametrize("more", [-1, 1])
def test_a_wrong_number_of_weights_says_expected_and_got(reading, document, more):
    count = len(document["weights"])
    reading(document)
    with pytest.raises(FormatError, match=f"expected {count}, got {count + more}"):
        reading({**document, "weights": [0.1] * (count + more)})


def test_a_config_that_asks_for_the_moon_is_refused_before_memory_is_taken(reading):
    with pytest.raises(FormatError, match="needs 7000003000000 products a sample"):
        reading(wavenet(channels=1_000_000, dilations=[1, 1]))


@pytest.mark.parametrize("version", ["0.5.0", "0.5.9", "0.6.0", "0.7.0"])
def test_known_versions_are_read_in_silence(reading, version):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading(wavenet(version))


def test_a_newer_patch_is_read_with_a_warning(reading):
    with pytest.warns(UserWarning, match=r"0\.7\.1.*newer"):
        reading(wavenet("0.7.1"))


@pytest.mark.parametrize("version", ["0.4.9", "0.8.0", "1.5.0", "7", "", None, 0.7])
def test_unknown_versions_are_refused(reading, version):
    with pytest.raises(FormatError, match="version"):
        reading(wavenet(version))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e300"])
def test_numbers_that_are_none_are_refused(reading, number):
    text = json.dumps(wavenet()).replace("0.1", number, 1)
    with pytest.raises(FormatError, match=r"diverged|too large|single precision"):
        reading(text.encode())


@pytest.mark.parametrize("weights", ["no", [[0.1]], [True], ["0.1"], {"0": 1}, None])
def test_weights_must_be_a_flat_list_of_numbers(reading, weights):
    with pytest.raises(FormatError, match="weights must be a flat list"):
        reading({**wavenet(), "weights": weights})


@pytest.mark.parametrize("rate", [0, -1, 44_100.5, "48000", True, 10**9, []])
def test_a_sample_rate_that_is_none_is_refused(reading, rate):
    with pytest.raises(FormatError, match="sample_rate"):
        reading({**wavenet(), "sample_rate": rate})


def test_an_unknown_rate_is_taken_for_48_khz(reading):
    assert reading(LINEAR)[0].sample_rate == 48_000
    assert reading({**LINEAR, "sample_rate": 44_100.0})[0].sample_rate == 44_100


def test_a_negative_variance_is_refused(reading):
    weights = list(CONVNET["weights"])
    weights[6] = -0.5  # after four of the kernel and two means
    with pytest.raises(FormatError, match=r"conv_0.*variance.*not positive"):
        reading({**CONVNET, "weights": weights})


def test_containers_inside_containers_end(reading):
    document = LINEAR
    for _ in range(4):
        document = container(document)
    reading(document)
    with pytest.raises(FormatError, match="more than 4 deep"):
        reading(container(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {}}, "submodels"),
        ({"config": {"submodels": []}}, "submodels"),
        ({"config": {"submodels": [{"max_value": 0.5, "model": LINEAR}]}}, "ascend"),
        ({"config": {"submodels": [{"max_value": "1", "model": LINEAR}]}}, "max_value"),
        ({"config": {"submodels": [{"max_value": 1, "model": 7}]}}, r"\[0\].model is"),
        ({"weights": [1.0]}, "weights of its own"),
        ({"sample_rate": 44_100}, "one sample rate"),
    ],
    ids=str,
)
def test_a_damaged_container_is_refused(reading, change, message):
    whole = container({**LINEAR, "sample_rate": 48_000})
    reading(whole)
    with pytest.raises(FormatError, match=message):
        reading({**whole, **change})


def test_a_part_that_is_not_chosen_may_be_anything(reading):
    strange = {**LINEAR, "architecture": "Kazoo"}
    reading(container(strange, LINEAR))
    with pytest.raises(FormatError, match='architecture "Kazoo" is not supported'):
        reading(container(strange, LINEAR), size=0.1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{",
        b'{"version": "0.5.4"}',
        b"[" * 50_000 + b"]" * 50_000,
        b"[" * 200_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" + b"9" * 5_000 + b"]",
        json.dumps({**wavenet(), "metadata": []}).encode(),
    ],
    ids=lambda data: data[:20].decode("latin1"),
)
def test_what_is_no_model_is_refused(reading, data):
    with pytest.raises(FormatError):
        reading(data)


def test_a_file_of_many_values_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(strict_json, "MOST_VALUES", 1_000)
    with pytest.raises(FormatError, match="1001 values; at most"):
        strict_json.parse(b"[" + b"1," * 1_001 + b"1]")


def test_a_file_of_many_keys_is_refused_before_it_is_parsed(monkeypatch):
    """They take 20 times the memory of their text: 4 million took 600 MB."""
    monkeypatch.setattr(strict_json, "MOST_KEYS", 10)
    with pytest.raises(FormatError, match="11 keys and 10 values; at most"):
        strict_json.parse(json.dumps({str(key): 0 for key in range(11)}).encode())


def test_a_huge_value_is_not_written_out_to_be_shown():
    cannot_be_written = object()
    text = strict_json.shown([1] * 100 + [cannot_be_written])
    assert text == f"{json.dumps([1] * 100)[:57]}..."
    assert strict_json.shown({"a": [1.5, None]}) == '{"a": [1.5, null]}'


def test_every_mutation_is_read_or_refused(reading):
    dice = random.Random(0)
    whole = [wavenet(), CONVNET, LSTM, LINEAR, container(LINEAR, wavenet("0.7.0"))]
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(400):
            document = dice.choice(whole)
            mutate = dice.choice([damaged, shortened, replaced])
            try:
                reading(mutate(document, dice))
            except FormatError:
                refused += 1
    assert 200 < refused < 400  # most mutations hit something, not all


def damaged(document, dice):
    """A few bytes that are not what they were."""
    data = bytearray(json.dumps(document).encode())
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(len(data))] = dice.choice(b'0123456789-.eE"{}[],:\xff ')
    return bytes(data)


def shortened(document, dice):
    """A file that was cut off, or from which a piece is missing."""
    data = json.dumps(document).encode()
    start, end = sorted(dice.choices(range(len(data)), k=2))
    return data[:start] + dice.choice([b"", data[end:]])


STRANGE = [
    None, True, False, 0, -1, 1, 2, 3, 10**9, -0.5, 1e30, "", "none", "Tanh", [], [1],
    {}, [[]], {"type": "Tanh"}, {"type": 1},
    {"type": "LeakyReLU", "negative_slope": []},
    {"active": True}, [None], ["Tanh"], [{}], "\ud800",
]  # fmt: skip


def replaced(document, dice):
    """A value somewhere that is another value."""
    document = json.loads(json.dumps(document))
    node = document
    while True:
        keys = list(node if isinstance(node, dict) else range(len(node)))
        key = dice.choice(keys)
        if (
            not isinstance(node[key], dict | list)
            or not node[key]
            or dice.random() < 0.3
        ):
            break
        node = node[key]
    node[key] = dice.choice(STRANGE)
    return json.dumps(document).encode()


@pytest.mark.parametrize("mode", [[{}], [[]], {}, [None]])
def test_gates_that_are_no_words_are_refused_beside_the_old_key(reading, mode):
    with pytest.raises(FormatError, match=r"gating_mode|contradicts"):
        reading(wavenet(gated=True, gating_mode=mode))


def test_what_has_a_default_may_be_left_out(reading):
    left = wavenet(layer1x1={"groups": 1}, head1x1={})
    assert reading(left)[0] is reading(wavenet())[0]


def test_a_past_of_many_channels_is_refused_before_it_takes_memory(reading):
    config = wavenet(channels=64, dilations=[999_990, 1], kernel_size=2)
    with pytest.raises(FormatError, match=r"64 channels, .* numbers; 20000000"):
        reading(config)
