"""Convolutions against a plain loop, however they are computed, whatever the past."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxamp.layers import CausalConv, Pointwise, last
from jaxamp.layers.conv import BRIEF, convolve, correlate, raised


def by_hand(x, weight, bias, dilation):
    """Valid cross-correlation in double precision, one output at a time."""
    outputs, _, taps = weight.shape
    length = max(0, x.shape[2] - (taps - 1) * dilation)
    y = np.zeros((x.shape[0], outputs, length))
    for t in range(length):
        for k in range(taps):
            y[:, :, t] += np.float64(x[:, :, t + k * dilation]) @ weight[:, :, k].T
    return y + bias[None, :, None]


def drawn(inputs, outputs, taps, seed):
    random = np.random.default_rng(seed)
    weight = random.standard_normal((outputs, inputs, taps)) / np.sqrt(inputs * taps)
    bias = random.standard_normal(outputs)
    return np.float32(weight), np.float32(bias), random


def assert_as_by_hand(inputs, outputs, taps, dilation, past, length, seed=0):
    weight, bias, random = drawn(inputs, outputs, taps, seed)
    layer = CausalConv(outputs, taps, dilation)
    heard = np.float32(random.standard_normal((2, inputs, past + length)))
    params = {"params": {"weight": jnp.asarray(weight), "bias": jnp.asarray(bias)}}
    y, new = jax.jit(layer.apply)(params, heard[:, :, past:], heard[:, :, :past])
    expected = by_hand(heard, weight, bias, dilation)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    kept = min(layer.reach, past + length)
    np.testing.assert_array_equal(new, heard[:, :, past + length - kept :])


@settings(max_examples=15, deadline=None)
@given(
    inputs=st.sampled_from([1, 2, 7]),
    outputs=st.sampled_from([1, 3, 16]),
    taps=st.integers(1, 6),
    dilation=st.integers(1, 5),
    part=st.floats(0, 1),
    length=st.integers(1, 40),
)
def test_a_convolution_is_the_sum_over_taps_of_whatever_past(
    inputs, outputs, taps, dilation, part, length
):
    past = round(part * (taps - 1) * dilation)
    assert_as_by_hand(inputs, outputs, taps, dilation, past, length)


@pytest.mark.parametrize(("inputs", "outputs"), [(8, 8), (13, 5), (9, 9)])
@pytest.mark.parametrize("past", [0, 3, 12])
@pytest.mark.parametrize("length", [50, 200])
def test_many_channels_are_the_same_sum(inputs, outputs, past, length):
    assert_as_by_hand(inputs, outputs, 4, 4, past, length)


@pytest.mark.parametrize(
    ("taps", "past", "length"),
    [(64, 63, 1), (64, 0, 64), (100, 40, 30), (100, 99, 257), (300, 299, 1000)],
)
def test_long_kernels_are_the_same_sum(taps, past, length):
    assert_as_by_hand(2, 3, taps, 1, past, length)


@pytest.mark.parametrize(
    ("inputs", "outputs", "taps", "dilation", "length"),
    [
        (2, 2, 3, 4, 240),  # a sum of products, few pairs
        (12, 12, 2, 1, 290),  # a sum of products, many pairs
        (8, 8, 6, 7, 300),  # one matrix product
        (16, 16, 3, 2, 260),
        (8, 1, 16, 1, 270),  # little comes out
        (3, 20, 15, 2, 250),
        (2, 3, 20, 2, 280),  # more taps than are stacked
        (5, 7, 1, 1, 233),  # one tap
        (16, 16, 1, 1, 209),
        (4, 4, 3, 4, BRIEF + 8),  # brief
        (4, 4, 3, 4, BRIEF + 9),  # just not
        (4, 4, 3, 4, 8),  # none at all
    ],
)
def test_derivatives_are_those_of_the_plain_convolution(
    inputs, outputs, taps, dilation, length
):
    weight, _, random = drawn(inputs, outputs, taps, 0)
    x = jnp.asarray(random.standard_normal((2, inputs, length)), jnp.float32)
    heard = max(0, length - (taps - 1) * dilation)
    wanted = jnp.asarray(random.standard_normal((2, outputs, heard)), jnp.float32)

    def gradients(way):
        @jax.jit
        def both(x, weight):
            return jax.vjp(lambda x, w: way(x, w, dilation), x, weight)[1](wanted)

        return both(x, jnp.asarray(weight))

    for mine, plain in zip(gradients(convolve), gradients(correlate), strict=True):
        scale = 1e-5 * max(1.0, float(jnp.max(jnp.abs(plain), initial=0.0)))
        np.testing.assert_allclose(mine, plain, rtol=0, atol=scale)


def test_convolutions_of_several_members_are_those_of_each():
    weights = jax.random.normal(jax.random.key(0), (3, 8, 8, 6))
    x = jax.random.normal(jax.random.key(1), (3, 2, 8, 290))

    def both(x, weight):
        return jax.value_and_grad(lambda w: jnp.sum(convolve(x, w, 3) ** 2))(weight)

    energies, gradients = jax.jit(jax.vmap(both))(x, weights)
    for member in range(3):
        energy, gradient = jax.jit(both)(x[member], weights[member])
        np.testing.assert_allclose(energies[member], energy, rtol=1e-5)
        np.testing.assert_allclose(gradients[member], gradient, rtol=1e-4, atol=1e-2)


def test_too_little_to_answer_is_remembered():
    layer = CausalConv(3, 3, 4)
    params = layer.init(jax.random.key(0), jnp.ones((1, 2, 9)), jnp.zeros((1, 2, 0)))
    x = jax.random.normal(jax.random.key(1), (1, 2, 20))
    past, pieces = jnp.zeros((1, 2, 0)), []
    for start in range(0, 20, 5):
        y, past = layer.apply(params, x[:, :, start : start + 5], past)
        pieces.append(y)
    assert [piece.shape[2] for piece in pieces] == [0, 2, 5, 5]
    whole, _ = layer.apply(params, x, jnp.zeros((1, 2, 0)))
    np.testing.assert_allclose(jnp.concatenate(pieces, 2), whole, atol=1e-6)


@pytest.mark.parametrize("channels", [2, 20])
def test_a_pointwise_layer_is_a_matrix_on_every_sample(channels):
    weight, bias, random = drawn(5, channels, 1, 0)
    x = np.float32(random.standard_normal((2, 5, 30)))
    params = {"params": {"weight": jnp.asarray(weight), "bias": jnp.asarray(bias)}}
    y = Pointwise(channels).apply(params, jnp.asarray(x))
    np.testing.assert_allclose(y, by_hand(x, weight, bias, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [BRIEF, BRIEF + 1, 1000])
def test_a_bias_is_told_of_every_sample(length):
    random = np.random.default_rng(length)
    wanted = np.float32(random.standard_normal((2, 3, length)))
    x, bias = jnp.zeros((2, 3, length)), jnp.float32([1, 2, 3])
    y, back = jax.vjp(raised, x, bias)
    np.testing.assert_array_equal(y, np.broadcast_to([[1], [2], [3]], y.shape))
    told_x, told_bias = back(jnp.asarray(wanted))
    np.testing.assert_array_equal(told_x, wanted)
    np.testing.assert_allclose(told_bias, wanted.sum((0, 2)), rtol=0, atol=1e-4)


def test_weights_start_within_one_over_the_root_of_the_fan_in():
    layer = CausalConv(30, 5)
    x = jnp.ones((1, 20, 10))
    params = layer.init(jax.random.key(0), x, x[:, :, :0])["params"]
    for leaf in params.values():
        bound = (20 * 5) ** -0.5
        assert 0.8 * bound < float(jnp.max(jnp.abs(leaf))) <= bound


def test_the_last_samples_may_be_none():
    x = jnp.arange(6.0).reshape(1, 1, 6)
    np.testing.assert_array_equal(last(x, 2)[0, 0], [4, 5])
    assert last(x, 0).shape == (1, 1, 0)


@pytest.mark.parametrize("length", [20, 300])
def test_groups_of_channels_do_not_hear_each_other(length):
    weight, bias, random = drawn(2, 6, 3, seed=1)
    params = {"params": {"weight": jnp.asarray(weight), "bias": jnp.asarray(bias)}}
    x = np.float32(random.standard_normal((2, 4, length)))
    y, _ = CausalConv(6, 3, 2, groups=2).apply(params, x, jnp.zeros((2, 4, 0)))
    halves = [
        by_hand(x[:, 2 * g : 2 * g + 2], weight[part], bias[part], 2)
        for g, part in enumerate((slice(0, 3), slice(3, 6)))
    ]
    np.testing.assert_allclose(y, np.concatenate(halves, axis=1), atol=1e-5)
