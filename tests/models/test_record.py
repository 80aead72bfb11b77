"""A model is described at once, and its network built when it is first used."""

import subprocess
import sys

import jax
import pytest
from configs import SINGLE, model

from jaxamp.core import ACTIVATION_OPTIONS, ConfigError
from jaxamp.layers import ACTIVATIONS
from jaxamp.layers import INITIAL_WEIGHTS as LAYERS_INITIAL_WEIGHTS
from jaxamp.models import convnet, linear, recurrent, wavenet
from jaxamp.models.networks.recurrent import LAYERS
from jaxamp.models.recurrent import CELLS, INITIAL_WEIGHTS

ARRAY = {"channels": 2, "dilations": [1, 2], "head_size": 1}


WEIGHED = [name for name in SINGLE if not name.startswith("greybox/")]
"""A grey box multiplies by what it computes of its circuit's parts."""


@pytest.mark.parametrize("name", WEIGHED)
def test_every_weight_is_counted_as_one_multiplication(name):
    one = model(name)
    shapes = jax.tree.leaves(jax.eval_shape(one.init, jax.random.key(0)))
    weights = sum(leaf.size for leaf in shapes if leaf.ndim >= 2)
    assert one.macs_per_sample == weights


def test_the_words_that_models_check_are_those_that_layers_know():
    assert set(ACTIVATION_OPTIONS) == set(ACTIVATIONS)
    assert set(INITIAL_WEIGHTS) == set(LAYERS_INITIAL_WEIGHTS)
    assert set(CELLS) == set(LAYERS)


def test_a_model_is_described_without_jax():
    code = (
        "import sys, jaxamp.models as m\n"
        "m.recurrent(hidden=[3]); m.convnet(); m.linear(); m.wavenet(arrays=["
        f"{ARRAY}])\n"
        "sys.exit('jax' in sys.modules or 'flax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("size", [0, -1, 2.5, "3", None])
def test_a_size_that_is_no_whole_number_is_refused_before_anything_is_built(size):
    for build, given in (
        (convnet, {"channels": size}),
        (convnet, {"dilations": [1, size]}),
        (linear, {"receptive_field": size}),
        (wavenet, {"arrays": [ARRAY | {"channels": size}]}),
        (wavenet, {"arrays": [ARRAY | {"dilations": [size, 1]}]}),
    ):
        with pytest.raises(ConfigError, match="must be a whole number of 1 or more"):
            build(**given)
    with pytest.raises((ConfigError, TypeError)):
        recurrent(hidden=[size])


def test_an_unknown_activation_is_refused_before_anything_is_built():
    for build, given in (
        (convnet, {"activation": "Tahn"}),
        (wavenet, {"arrays": [ARRAY | {"activation": ["Tanh", "Tahn"]}]}),
    ):
        with pytest.raises(ConfigError, match="'Tahn' is not known"):
            build(**given)
