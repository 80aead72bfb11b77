"""Layers one after the other: what they are, and what makes no model."""

import jax
import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.models import is_recurrent, recurrent, sequential
from jaxamp.models.networks.sequential import ACTIVATIONS
from jaxamp.models.sequential import SEQUENTIAL_ACTIVATIONS
from jaxamp.stream import process

DENSE = {"type": "dense", "size": 1}


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_cells_and_a_head_are_the_recurrent_model(cell):
    kind = {"type": cell.lower(), "size": 3}
    one = sequential(layers=[kind, kind, DENSE], controls=["gain"])
    other = recurrent(cell=cell, hidden=[3, 3], controls=["gain"])
    params = other.init(jax.random.key(0))
    renamed = {**params, "layer_2": params["head"]}
    del renamed["head"]
    x = 0.3 * np.random.default_rng(0).standard_normal(300)
    np.testing.assert_array_equal(
        process(one, renamed, x, controls=[0.2]),
        process(other, params, x, controls=[0.2]),
    )
    assert one.macs_per_sample == other.macs_per_sample
    assert (one.warmup, one.receptive_field) == (other.warmup, other.receptive_field)


def test_what_is_heard_reaches_as_far_as_all_convolutions_together():
    conv = {"type": "conv1d", "size": 2, "kernel_size": 3, "dilation": 4}
    one = sequential(layers=[conv, {**conv, "dilation": 1}, DENSE])
    assert (one.receptive_field, one.warmup) == (11, 10)
    mixed = sequential(layers=[conv, {"type": "lstm", "size": 2}, DENSE])
    assert (mixed.receptive_field, mixed.warmup) == (9, 24_000 + 8)
    assert is_recurrent(mixed)
    assert not is_recurrent(one)


def test_the_activations_that_are_checked_are_those_that_are_computed():
    assert set(SEQUENTIAL_ACTIVATIONS) == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "must have one output"),
        ([{"type": "dense", "size": 2}], "must have one output, not 2"),
        ([{"type": "dens", "size": 1}], "Known are: dense, conv1d, lstm, gru"),
        ([{"type": "dense"}], "It takes: size, activation"),
        ([{**DENSE, "dilation": 2}], "It takes: size, activation"),
        ([{**DENSE, "size": 0}], "whole number of 1 or more"),
        ([{**DENSE, "activation": "selu"}], "'selu' is not known"),
    ],
)
def test_layers_that_make_no_model_are_refused(layers, message):
    with pytest.raises(ConfigError, match=message):
        sequential(layers=layers)
