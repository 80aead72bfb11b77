"""Losses of signals whose answer can be worked out by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxamp import losses
from jaxamp.core import ConfigError

NOISE = jax.random.normal(jax.random.key(0), (3, 1, 3000)) * 0.2
ALL = sorted(losses.LOSSES)


def test_half_amplitude_has_a_quarter_of_the_energy_wrong():
    np.testing.assert_allclose(losses.esr(0.5 * NOISE, NOISE), 0.25, rtol=1e-5)


def test_silence_is_wholly_wrong():
    np.testing.assert_allclose(losses.esr(0 * NOISE, NOISE), 1, rtol=1e-5)


def test_flipped_polarity_is_four_times_wrong():
    np.testing.assert_allclose(losses.esr(-NOISE, NOISE), 4, rtol=1e-5)


def test_esr_gives_each_example_its_own_ratio():
    prediction = NOISE * jnp.array([1.0, 0.5, 0.0])[:, None, None]
    ratios = losses.esr(prediction, NOISE)
    np.testing.assert_allclose(ratios, [0, 0.25, 1], atol=1e-6)


def test_esr_of_a_batch_weighs_mistakes_alike_at_any_level():
    loud = NOISE * jnp.array([1.0, 0.1, 0.01])[:, None, None]
    for level in (1.0, 0.01):
        ratios = losses.esr(0 * loud, level * loud, normalise_by="batch", floor=0.0)
        energies = np.sum(np.square(loud), axis=(1, 2))
        np.testing.assert_allclose(ratios, energies / energies.mean(), rtol=1e-4)
    with pytest.raises(ConfigError, match="normalise_by='song'"):
        losses.esr(NOISE, NOISE, normalise_by="song")


def test_the_floor_is_energy_added_to_the_target():
    quiet = jnp.full((1, 1, 100), 0.01)
    np.testing.assert_allclose(losses.esr(0 * quiet, quiet, floor=0.01), 0.5, rtol=1e-5)


def test_pre_emphasis_hides_an_offset_from_esr_and_dc_finds_it():
    offset = NOISE + 0.1
    shrunk = losses.esr(offset, NOISE, pre_emphasis=0.95)
    assert np.all(shrunk < 0.01 * losses.esr(offset, NOISE))
    expected = 0.1**2 / np.mean(np.square(NOISE), axis=(1, 2))
    np.testing.assert_allclose(losses.dc(offset, NOISE), expected, rtol=1e-4)


def test_dc_does_not_hear_a_mistake_without_offset():
    buzz = 0.1 * jnp.where(jnp.arange(3000) % 2, 1.0, -1.0)
    assert np.all(losses.dc(NOISE + buzz, NOISE) < 1e-9)


def test_dc_of_offset_against_offset_is_esr():
    target = jnp.full((1, 1, 100), 0.4)
    np.testing.assert_allclose(losses.dc(0.5 * target, target), 0.25, rtol=1e-5)


def test_log_cosh_is_half_the_square_of_a_small_mistake():
    error = jnp.full((1, 1, 10), 1e-3)
    # The absolute value cancels to all but four digits in single precision.
    np.testing.assert_allclose(losses.log_cosh(error, 0 * error), 5e-7, rtol=1e-3)


def test_log_cosh_is_the_size_of_a_large_mistake_less_log_two():
    error = jnp.full((1, 1, 10), -500.0)
    expected = 500 - np.log(2)
    np.testing.assert_allclose(losses.log_cosh(error, 0 * error), expected, rtol=1e-6)


@given(st.floats(-30, 30))
@settings(max_examples=50, deadline=None)
def test_log_cosh_is_the_logarithm_of_cosh(error):
    loss = losses.log_cosh(np.full((1, 1, 1), error, np.float32), np.zeros((1, 1, 1)))
    expected = np.log(np.cosh(float(np.float32(error))))
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)


def test_mse_and_mae_of_a_constant_mistake():
    np.testing.assert_allclose(losses.mse(NOISE - 0.5, NOISE), 0.25, rtol=1e-5)
    np.testing.assert_allclose(losses.mae(NOISE - 0.5, NOISE), 0.5, rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_perfect_prediction_loses_nothing(name):
    np.testing.assert_allclose(_jitted(name)(NOISE, NOISE), 0, atol=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_every_loss_gives_one_number_per_example_from_that_example_alone(name):
    apart = {"normalise_by": "example"} if name in ("stft", "mrstft") else {}
    loss = jax.jit(functools.partial(losses.LOSSES[name], **apart))
    prediction = 0.7 * NOISE + 0.01
    together = loss(prediction, NOISE)
    assert together.shape == (3,)
    alone = loss(prediction[1:2], NOISE[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("target", [NOISE, 0 * NOISE], ids=["noise", "silence"])
@pytest.mark.parametrize("step", [0.0, 1e-20, 1e-6, 1.0])
def test_gradients_are_finite_at_and_near_the_target_and_for_silence(
    name, target, step
):
    prediction = target + step * NOISE[::-1]
    value, gradient = _value_and_gradient(name)(prediction, target)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", ALL)
def test_the_gradient_is_the_slope(name):
    prediction, direction = 0.6 * NOISE + 0.02, NOISE + 0.05
    _, gradient = _value_and_gradient(name)(prediction, NOISE)
    ahead, _ = _value_and_gradient(name)(prediction + 1e-2 * direction, NOISE)
    behind, _ = _value_and_gradient(name)(prediction - 1e-2 * direction, NOISE)
    slope = (float(ahead) - float(behind)) / 2e-2
    # A difference in single precision, over a few kinks: two digits are left.
    np.testing.assert_allclose(jnp.vdot(gradient, direction), slope, rtol=2e-2)


@functools.cache
def _jitted(name):
    return jax.jit(losses.LOSSES[name])


@functools.cache
def _value_and_gradient(name):
    loss = losses.LOSSES[name]
    return jax.jit(jax.value_and_grad(lambda p, t: jnp.mean(loss(p, t))))
