"""Activations at points that are known without running them."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.layers import ACTIVATIONS, activation

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
