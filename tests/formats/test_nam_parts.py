"""The rarer parts of WaveNets in .nam files: versions, widths, and what is written."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from random_models import UNMEASURED, draw_params
from wavenet_parts import wavenets

from jaxamp import formats
from jaxamp.core import FormatError
from jaxamp.formats.nam import read_nam, write_nam
from jaxamp.models import build

ARRAY = {"channels": 4, "dilations": [1, 3], "head_size": 1}
RANDOM = np.random.default_rng(0)
X = jnp.asarray(0.5 * RANDOM.standard_normal((1, 1, 60)), jnp.float32)


def amp(options=None, **array):
    return build("WaveNet", {"arrays": [{**ARRAY, **array}], **(options or {})})


def conditioned(architecture, **hyperparameters):
    words = {"architecture": architecture, "hyperparameters": hyperparameters}
    return amp({"condition": words})


def play(model, params, x=X):
    return model.apply(params, x, None, model.init_state(params, 1))[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "amp.nam"


@settings(max_examples=40, deadline=None)
@given(options=wavenets())
def test_every_part_is_read_back_as_it_was_written(tmp_path_factory, options):
    path = tmp_path_factory.mktemp("parts") / "amp.nam"
    model = build("WaveNet", options)
    params = draw_params(model)
    write_nam(path, model, params, UNMEASURED)
    again, same, _ = read_nam(path)
    assert again.hyperparameters == model.hyperparameters
    jax.tree.map(np.testing.assert_array_equal, params, same)
    written = path.read_bytes()
    write_nam(path, again, same, UNMEASURED)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("version", "array"),
    [
        ("0.5.4", {}),
        ("0.6.0", {"gating": "gated"}),
        ("0.6.0", {"gating": "blended", "secondary_activation": "Hardtanh"}),
        ("0.6.0", {"bottleneck": 2}),
        ("0.6.0", {"groups": 2}),
        ("0.6.0", {"layer1x1": None}),
        ("0.6.0", {"head1x1": {"out_channels": 3}}),
        ("0.6.0", {"film": {"conv_pre_film": {}}}),
        ("0.6.0", {"activation": {"type": "PReLU", "negative_slope": 0.1}}),
        ("0.7.0", {"kernel_size": [2, 3]}),
        ("0.7.0", {"head_kernel_size": 2}),
        ("0.7.0", {"allowed_channels": [1, 4]}),
    ],
    ids=str,
)
def test_the_oldest_version_that_has_the_words_is_written(path, version, array):
    model = amp(**array)
    write_nam(path, model, draw_params(model), UNMEASURED)
    assert json.loads(path.read_text())["version"] == version


def test_a_condition_needs_0_6_and_a_head_after_all_0_7(path):
    model = conditioned("Linear", receptive_field=3)
    write_nam(path, model, draw_params(model), UNMEASURED)
    document = json.loads(path.read_text())
    assert document["version"] == "0.6.0"
    assert document["config"]["condition_dsp"]["sample_rate"] == 48_000
    head = {"kernel_sizes": [2], "channels": 1, "activation": "Tanh"}
    model = amp({"head": head})
    write_nam(path, model, draw_params(model), UNMEASURED)
    assert json.loads(path.read_text())["version"] == "0.7.0"


def test_an_lstm_that_conditions_is_read_back_in_the_state_of_silence(path):
    model = conditioned("LSTM", hidden=[3], learned_state=True)
    params = draw_params(model)
    write_nam(path, model, params, UNMEASURED)
    again, same, _ = read_nam(path)
    quiet = jnp.zeros((1, 1, 48_000))
    heard = play(model, params, jnp.concatenate([quiet, X], axis=2))
    np.testing.assert_allclose(
        play(again, same), heard[:, :, -play(again, same).shape[2] :], atol=1e-5
    )


def test_a_condition_of_another_rate_is_refused(path):
    model = conditioned("Linear", receptive_field=3)
    write_nam(path, model, draw_params(model), UNMEASURED)
    document = json.loads(path.read_text())
    document["config"]["condition_dsp"]["sample_rate"] = 44_100
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="condition_dsp has a sample rate of 44100"):
        read_nam(path)


def test_networks_do_not_condition_one_another_for_ever(path):
    words = {"architecture": "Linear", "hyperparameters": {"receptive_field": 1}}
    for _ in range(6):
        options = {"arrays": [ARRAY], "condition": words}
        words = {"architecture": "WaveNet", "hyperparameters": options}
    model = build("WaveNet", words["hyperparameters"])
    write_nam(path, model, draw_params(model), UNMEASURED)
    with pytest.raises(FormatError, match="more than 4 networks condition"):
        read_nam(path)


def test_a_narrower_model_is_made_of_the_first_channels(path):
    """Whatever the other channels hold: with zeros for them, both play the same."""
    model = amp(allowed_channels=[1, 2, 4], bottleneck=2, gating=["none", "gated"])
    params = draw_params(model)
    write_nam(path, model, params, UNMEASURED)
    sizes = {0.0: 1, 0.3: 1, 0.4: 2, 0.7: 4, 1.0: 4, None: 4}
    for size, channels in sizes.items():
        narrow, cut, _ = formats.read(path, size=size)
        (array,) = narrow.hyperparameters["arrays"]
        assert array["channels"] == channels
        weight = params["array_0"]["conv_1"]["weight"]
        rows = 2 * max(1, channels // 2)
        np.testing.assert_array_equal(
            cut["array_0"]["conv_1"]["weight"], weight[:rows, :channels]
        )
        assert play(narrow, cut).shape[2] == play(model, params).shape[2]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [({"groups": 2}, "grouped"), ({"head_kernel_size": 2}, "a head with a memory")],
)
def test_what_no_player_cuts_is_read_at_full_size_alone(path, parts, reason):
    model = amp(allowed_channels=[2, 4], **parts)
    write_nam(path, model, draw_params(model), UNMEASURED)
    read_nam(path)
    read_nam(path, size=1.0)
    with pytest.raises(FormatError, match=reason):
        read_nam(path, size=0.1)


def test_an_array_that_players_would_not_take_is_not_written(path):
    arrays = [
        {"channels": 3, "dilations": [1], "head_size": 2},
        {**ARRAY, "bottleneck": 2},
    ]
    model = build("WaveNet", {"arrays": arrays})
    with pytest.raises(FormatError, match="head_size 2 below one with 4 channels"):
        write_nam(path, model, draw_params(model), UNMEASURED)
    assert not path.exists()
