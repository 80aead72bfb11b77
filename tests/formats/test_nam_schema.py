"""What is written can be read where it has to be: the words of the files."""

import json

import jax.numpy as jnp
import numpy as np
from random_models import UNMEASURED, draw_params

from jaxamp.formats.nam import read_nam, write_nam
from jaxamp.models import build

CLASSIC = {
    "arrays": [
        {"channels": 3, "dilations": [1, 2], "head_size": 2},
        {"channels": 2, "dilations": [8], "head_size": 1, "head_bias": True},
    ],
    "head_scale": 0.02,
}

LEAKY = {"type": "LeakyReLU", "negative_slope": 0.01}


def written(tmp_path, architecture, options):
    path = tmp_path / "amp.nam"
    model = build(architecture, options)
    write_nam(path, model, draw_params(model), UNMEASURED)
    return json.loads(path.read_text())


def test_an_a1_shape_is_written_for_players_old_and_new(tmp_path):
    document = written(tmp_path, "WaveNet", CLASSIC)
    assert document["version"] == "0.5.4"
    assert document["sample_rate"] == 48_000
    assert document["config"]["head"] is None
    assert document["config"]["layers"][1] == {
        "input_size": 3,
        "condition_size": 1,
        "head_size": 1,
        "channels": 2,
        "kernel_size": 3,
        "dilations": [8],
        "activation": "Tanh",
        "gated": False,
        "head_bias": True,
        "head": {"out_channels": 1, "kernel_size": 1, "bias": True},
    }


def test_an_a2_shape_is_spelled_out_for_the_fast_path(tmp_path):
    array = {
        "channels": 3,
        "dilations": [1, 3],
        "kernel_size": [6, 15],
        "activation": LEAKY,
        "head_size": 1,
        "head_kernel_size": 16,
        "head_bias": True,
    }
    document = written(tmp_path, "WaveNet", {"arrays": [array], "head_scale": 0.01})
    assert document["version"] == "0.7.0"
    (layers,) = document["config"]["layers"]
    assert layers["bottleneck"] == layers["channels"] == 3
    assert layers["kernel_sizes"] == [6, 15]
    assert layers["activation"] == [LEAKY, LEAKY]
    assert layers["layer1x1"] == {"active": True, "groups": 1}
    assert layers["head"] == {"out_channels": 1, "kernel_size": 16, "bias": True}
    # The trainer's reader takes activation objects only beside both of these.
    assert layers["gating_mode"] == ["none", "none"]
    assert layers["secondary_activation"] == [None, None]
    assert not any(layers[key]["active"] for key in layers if key.endswith("_film"))
    assert not {"kernel_size", "head_size", "head_bias", "gated"} & layers.keys()


def test_one_unusual_activation_needs_the_newer_words(tmp_path):
    arrays = [dict(CLASSIC["arrays"][0], activation=["Tanh", "ReLU"]), {}]
    arrays[1] = CLASSIC["arrays"][1]
    document = written(tmp_path, "WaveNet", {"arrays": arrays, "head_scale": 0.02})
    assert document["version"] == "0.6.0"
    kinds = [item["type"] for item in document["config"]["layers"][0]["activation"]]
    assert kinds == ["Tanh", "ReLU"]


def test_the_head_scale_is_the_last_weight(tmp_path):
    document = written(tmp_path, "WaveNet", CLASSIC)
    assert document["weights"][-1] == document["config"]["head_scale"] == 0.02


def test_the_head_scale_in_the_config_is_passed_over(tmp_path):
    document = written(tmp_path, "WaveNet", CLASSIC)
    document["config"]["head_scale"] = 7.0
    (tmp_path / "amp.nam").write_text(json.dumps(document))
    model, _, _ = read_nam(tmp_path / "amp.nam")
    assert model.hyperparameters["head_scale"] == 0.02


def test_the_simple_architectures_are_written_in_the_old_schema(tmp_path):
    convnet = written(tmp_path, "ConvNet", {"channels": 2, "dilations": [1, 2]})
    assert convnet["version"] == "0.5.4"
    assert convnet["config"] == {
        "channels": 2,
        "dilations": [1, 2],
        "batchnorm": False,
        "activation": "Tanh",
    }
    lstm = written(tmp_path, "LSTM", {"hidden": [2, 2]})
    assert lstm["version"] == "0.5.4"
    assert lstm["config"] == {"input_size": 1, "hidden_size": 2, "num_layers": 2}


def test_a_linear_file_is_an_impulse_response(tmp_path):
    path = tmp_path / "cab.nam"
    model = build("Linear", {"receptive_field": 3, "bias": True})
    response = np.array([0.5, 0.25, -0.125])
    params = {"fir": {"weight": response[None, None, ::-1], "bias": np.array([2.0])}}
    write_nam(path, model, params, UNMEASURED)
    assert json.loads(path.read_text())["weights"] == [0.5, 0.25, -0.125, 2.0]
    click = jnp.zeros((1, 1, 5)).at[0, 0, 2].set(1.0)
    _, same, _ = read_nam(path)
    y, _ = model.apply(same, click, None, model.init_state(same, 1))
    np.testing.assert_array_equal(y[0, 0] - 2.0, response)
