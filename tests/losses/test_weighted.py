"""Losses as a configuration spells them."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
import yaml

from jaxamp import losses
from jaxamp.core import ConfigError

CONFIGS = sorted(Path(__file__).parents[2].glob("conf/loss/*.yaml"))
TARGET = jax.random.normal(jax.random.key(1), (2, 1, 2500)) * 0.3
PREDICTION = 0.8 * TARGET + 0.01


def _read(name):
    path = next(path for path in CONFIGS if path.stem == name)
    config = yaml.safe_load(path.read_text())
    assert config.pop("_target_") == "jaxamp.losses.weighted_sum"
    return losses.weighted_sum(**config)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_builds_a_loss_that_is_zero_when_perfect(path):
    loss = jax.jit(_read(path.stem))
    np.testing.assert_allclose(loss(TARGET, TARGET), 0, atol=1e-7)
    assert np.all(loss(PREDICTION, TARGET) > 0)


@pytest.mark.parametrize(
    ("name", "weight", "tilt"), [("nam_a1", 2e-4, 0.85), ("nam_a2", 5e-4, None)]
)
def test_the_nam_recipes_add_a_little_spectrum_to_the_squared_error(name, weight, tilt):
    spectrum = jax.jit(partial(losses.mrstft, pre_emphasis=tilt))(PREDICTION, TARGET)
    expected = losses.mse(PREDICTION, TARGET) + weight * spectrum
    loss = jax.jit(_read(name))(PREDICTION, TARGET)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_the_2020_recipe_is_three_quarters_esr_and_a_quarter_dc():
    expected = 0.75 * losses.esr(PREDICTION, TARGET, pre_emphasis=0.85)
    expected += 0.25 * losses.dc(PREDICTION, TARGET)
    loss = _read("wright_2020")(PREDICTION, TARGET)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_one_loss_can_be_used_twice_under_names_of_ones_own():
    loss = losses.weighted_sum(
        {
            "flat": {"loss": "esr", "weight": 2},
            "treble": {"loss": "esr", "weight": 1, "pre_emphasis": 0.95},
        }
    )
    expected = 2 * losses.esr(PREDICTION, TARGET)
    expected += losses.esr(PREDICTION, TARGET, pre_emphasis=0.95)
    np.testing.assert_allclose(loss(PREDICTION, TARGET), expected, rtol=1e-6)


def test_every_known_loss_can_be_weighted():
    terms = {name: {"weight": 0.5} for name in losses.LOSSES}
    loss = jax.jit(losses.weighted_sum(terms))
    parts = [jax.jit(f)(PREDICTION, TARGET) for f in losses.LOSSES.values()]
    np.testing.assert_allclose(loss(PREDICTION, TARGET), 0.5 * sum(parts), rtol=1e-5)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "has no terms"),
        ({"mrsft": {"weight": 1}}, "Did you mean 'mrstft'.*log_cosh"),
        ({"mse": {}}, r"loss\.terms\.mse\.weight is None"),
        ({"mse": {"weight": "much"}}, "'much', and must be a number"),
        ({"esr": {"weight": 1, "preemphasis": 1}}, "Did you mean 'pre_emphasis'"),
        ({"esr": {"weight": 1, "target": 1}}, r"esr\.target is no option"),
    ],
)
def test_a_mistake_in_the_configuration_is_answered_with_what_is_known(terms, message):
    with pytest.raises(ConfigError, match=message):
        losses.weighted_sum(terms)
