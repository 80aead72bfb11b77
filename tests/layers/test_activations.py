"""Activations at points that are known without running them."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.layers import ACTIVATIONS, activation, gated

SIGMOID_OF_2 = 1 / (1 + math.exp(-2))

KNOWN = [
    ("Tanh", 0.5, math.tanh(0.5)),
    ("Hardtanh", -3, -1),
    ("Hardtanh", 0.25, 0.25),
    ("Fasttanh", 0, 0),
    ("ReLU", -2, 0),
    ("ReLU", 2, 2),
    ("LeakyReLU", -2, -0.02),
    ({"type": "LeakyReLU", "negative_slope": 0.25}, -2, -0.5),
    ({"type": "PReLU", "negative_slope": 0.5}, -2, -1),
    ("Sigmoid", 2, SIGMOID_OF_2),
    ("SiLU", 2, 2 * SIGMOID_OF_2),
    ("Hardswish", -3, 0),
    ("Hardswish", 1, 4 / 6),
    ("Hardswish", 4, 4),
    ("LeakyHardtanh", 3, 1.02),
    ("LeakyHardtanh", -3, -1.02),
    (
        {"type": "LeakyHardtanh", "min_val": -0.5, "min_slope": 0.1, "max_val": 2.0},
        -1.5,
        -0.6,
    ),
    ("Softsign", -3, -0.75),
]


@pytest.mark.parametrize(("spec", "x", "y"), KNOWN)
def test_an_activation_has_its_known_value(spec, x, y):
    np.testing.assert_allclose(activation(spec)(jnp.float32(x)), y, atol=1e-6)


def test_every_activation_has_a_known_value():
    named = {spec if isinstance(spec, str) else spec["type"] for spec, _, _ in KNOWN}
    assert named == set(ACTIVATIONS)


def test_fast_tanh_is_tanh_to_half_a_percent():
    x = jnp.linspace(-6, 6, 1001)
    np.testing.assert_allclose(activation("Fasttanh")(x), jnp.tanh(x), atol=5e-3)


def test_unknown_names_and_options_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'Tahn' is not known\. Known are: Tanh"):
        activation("Tahn")
    with pytest.raises(
        ConfigError, match=r"LeakyReLU does not take slope.*negative_sl"
    ):
        activation({"type": "LeakyReLU", "slope": 0.1})


def test_a_prelu_has_a_slope_for_each_channel():
    x = jnp.asarray([[[-1.0, 2.0], [-1.0, 2.0]]])
    spec = {"type": "PReLU", "negative_slopes": [0.1, 0.2]}
    np.testing.assert_allclose(activation(spec)(x), [[[-0.1, 2.0], [-0.2, 2.0]]])


def test_one_half_of_the_channels_lets_the_other_through():
    x = jnp.asarray([[[-1.0], [3.0], [0.25], [0.5]]])
    product = gated("gated", "ReLU", "Hardtanh", x)
    np.testing.assert_allclose(product[0, :, 0], [0.0, 1.5])
    blend = gated("blended", "ReLU", "Hardtanh", x)
    np.testing.assert_allclose(blend[0, :, 0], [0.25 * 0 - 0.75, 3.0])
