"""What cannot be written as a graph says why, and leaves nothing behind."""

import dataclasses
import sys

import jax.numpy as jnp
import onnx
import pytest
from random_models import draw_params

from jaxamp import formats
from jaxamp.core import ConfigError, FormatError
from jaxamp.formats.onnx import activations, emitters
from jaxamp.models import BUILDERS, build

LINEAR = build("Linear", {"receptive_field": 3})
WAVENET = build(
    "WaveNet", {"arrays": [{"channels": 1, "dilations": [1], "head_size": 1}]}
)


@pytest.fixture
def refused(tmp_path):
    """Checks that nothing is written, over an old file or none, with these words."""

    def refuse(words, model=LINEAR, params=None, kind=FormatError, **options):
        params = draw_params(model) if params is None else params
        old = tmp_path / "old.onnx"
        old.write_text("old")
        for path in (old, tmp_path / "new.onnx"):
            with pytest.raises(kind, match=words):
                formats.write(path, model, params, **options)
        assert [file.name for file in tmp_path.iterdir()] == ["old.onnx"]
        assert old.read_text() == "old"

    return refuse


def changed(model, **options):
    """The model with hyperparameters that it did not have."""
    described = {**model.hyperparameters, **options}
    return dataclasses.replace(model, hyperparameters=described)


def test_an_unknown_architecture_is_told_the_known_ones(refused):
    reverb = dataclasses.replace(LINEAR, architecture="Reverb")
    refused("does not know Reverb.*WaveNet, LSTM", reverb)


def test_a_feature_that_would_be_left_out_is_named(refused):
    (array,) = WAVENET.hyperparameters["arrays"]
    refused("know wobble of this WaveNet's layer array",
            changed(WAVENET, arrays=[{**array, "wobble": 2}]))  # fmt: skip
    refused("know wobble of this WaveNet,", changed(WAVENET, wobble=2))
    for architecture, options in {
        "LSTM": {"hidden": [1]},
        "ConvNet": {"channels": 1, "dilations": [1]},
        "Linear": {"receptive_field": 1},
    }.items():
        model = changed(build(architecture, options), wobble=2)
        refused(f"know wobble of this {architecture}", model)


def test_an_activation_without_words_is_named(refused, monkeypatch):
    known = {k: v for k, v in activations.EMITTERS.items() if k != "Tanh"}
    monkeypatch.setattr(activations, "EMITTERS", known)
    refused("no words for the activation Tanh.*ReLU", WAVENET)


def test_parameters_that_diverged_are_counted(refused):
    params = {"fir": {"weight": jnp.array([[[1.0, jnp.nan, jnp.inf]]])}}
    refused("2 of 3 parameters are not finite", params=params)


@pytest.mark.parametrize("taps", [2, 4])
def test_parameters_of_another_model_are_refused(refused, taps):
    refused(
        "do not fit this Linear", params={"fir": {"weight": jnp.ones((1, 1, taps))}}
    )
    refused("do not fit this Linear", params={"iir": {"weight": jnp.ones((1, 1, 3))}})


def test_metadata_that_is_no_json_is_refused(refused):
    refused("cannot be written as JSON", kind=ConfigError, metadata={"date": object()})
    refused("cannot be written as JSON", kind=ConfigError, metadata={"gain": jnp.inf})


def test_without_the_library_it_is_said_how_to_get_it(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(r"pip install 'jaxamp\[onnx\]'", kind=ConfigError)


def test_a_graph_that_the_checker_finds_wrong_is_not_written(refused, monkeypatch):
    def wrong(graph, *_):
        return graph.node("Conv", "x", "nowhere")

    monkeypatch.setitem(emitters.EMITTERS, "Linear", wrong)
    refused("nowhere", kind=onnx.checker.ValidationError)


def test_every_architecture_but_the_grey_box_can_be_written():
    assert set(emitters.EMITTERS) == set(BUILDERS) - {"GreyBox"}
