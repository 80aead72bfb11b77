"""What the standard shapes of a WaveNet do not show."""

import jax
import numpy as np

from jaxamp.core import silence
from jaxamp.models import wavenet


def test_a_head_with_memory_below_another_array_settles_from_an_unknown_past():
    array = {"channels": 1, "dilations": [1], "head_size": 1, "head_kernel_size": 3}
    first, second = {**array, "kernel_size": 1}, {**array, "kernel_size": 2}
    model = wavenet(arrays=[first, second], head_scale=1.0)
    params = model.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (1, 1, 40))
    unknown, _ = model.apply(params, x, None, model.init_state(params, 1))
    known, _ = model.apply(params, x, None, silence(model, params))
    settled = unknown.shape[2]
    assert settled >= 40 - model.warmup
    np.testing.assert_allclose(unknown, known[:, :, -settled:], atol=1e-6)


def test_without_layer1x1_all_layers_hear_the_same():
    """As in players; so they do not depend on the order they come in."""
    array = {"channels": 2, "head_size": 1, "layer1x1": None}
    model = wavenet(arrays=[{**array, "dilations": [1, 4]}])
    other = wavenet(arrays=[{**array, "dilations": [4, 1]}])
    params = jax.tree.map(lambda leaf: leaf, model.init(jax.random.key(0)))
    layers = params["array_0"]
    swapped = {
        name: layers[f"{name[:-1]}{1 - int(name[-1])}"] if name[-1] in "01" else layer
        for name, layer in layers.items()
    }
    x = jax.random.normal(jax.random.key(1), (1, 1, 40))
    y, _ = model.apply(params, x, None, model.init_state(params, 1))
    turned = {"array_0": swapped}
    same, _ = other.apply(turned, x, None, other.init_state(turned, 1))
    np.testing.assert_allclose(y, same, atol=1e-6)
    assert model.receptive_field == 9  # of the longest layer, not of all together


def test_a_condition_that_answers_late_makes_all_answer_late():
    array = {"channels": 2, "dilations": [1], "head_size": 1, "kernel_size": 3}
    late = {"architecture": "Linear", "hyperparameters": {"receptive_field": 7}}
    alone = wavenet(arrays=[array])
    model = wavenet(arrays=[array], condition=late)
    before = wavenet(arrays=[{**array, "film": {"conv_pre_film": {}}}], condition=late)
    fields = [one.receptive_field for one in (alone, model, before)]
    assert fields == [3, 7, 9]
