"""Convolution block by block is the convolution, however the blocks are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve
from tiny import noise

from jaxamp.dsp.convolution import Convolver

RESPONSE = noise(1000, seed=3, level=1.0) * np.exp(-np.arange(1000) / 150)
SIGNAL = noise(4000, seed=4)


def played(convolver, x, cuts):
    parts = np.split(x, sorted(cuts))
    return np.concatenate([convolver(part) for part in parts])


def assert_is_the_convolution(y, x, response):
    expected = fftconvolve(np.float64(x), np.float64(response))[: x.size]
    # 1e-7 is the rounding of float32 alone
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("length", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("block", [1, 64, 100, 4000])
def test_blocks_of_one_length_are_the_whole(length, block):
    convolver = Convolver(RESPONSE[:length], 64)
    x = SIGNAL[:700] if block == 1 else SIGNAL
    y = played(convolver, x, range(block, x.size, block))
    assert y.dtype == np.float32
    assert_is_the_convolution(y, x, RESPONSE[:length])


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(0, SIGNAL.size), max_size=30),
    partition=st.sampled_from([1, 7, 64, 512, 5000]),
    length=st.integers(1, RESPONSE.size),
)
def test_any_cut_is_the_whole(cuts, partition, length):
    x = SIGNAL[:300] if partition == 1 else SIGNAL
    y = played(Convolver(RESPONSE[:length], partition), x, [c % x.size for c in cuts])
    assert_is_the_convolution(y, x, RESPONSE[:length])


def test_nothing_is_delayed():
    y = Convolver(np.float32([1, 0.5]), 64)(np.float32([1, 0, 0]))
    np.testing.assert_allclose(y, [1, 0.5, 0], atol=1e-7)


def test_what_was_forgotten_is_not_heard():
    convolver = Convolver(RESPONSE, 64)
    convolver(SIGNAL)
    convolver.forget()
    assert not convolver(np.zeros(100, np.float32)).any()
