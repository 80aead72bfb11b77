"""Validation hears the whole passage, warm, and counts exactly its samples."""

import jax
import numpy as np
import pytest
from tiny import LSTM, WAVENET, capture

from jaxamp.stream import process
from jaxamp.train import passage, validation_esr
from jaxamp.train.validate import BLOCK


def offline(model, params, one, heard):
    """ESR sums by numpy, the whole played at once from silence."""
    y = process(model, params, heard)[heard.size - one.input.size :]
    error = np.float64(y) - one.target
    return np.sum(error**2), np.sum(np.float64(one.target) ** 2)


@pytest.mark.parametrize("model", [WAVENET, LSTM], ids=["wavenet", "lstm"])
@pytest.mark.parametrize("samples", [BLOCK, 2 * BLOCK + 123])
def test_validation_is_the_esr_of_the_whole_passage(model, samples):
    params = model.init(jax.random.key(0))
    one = capture(samples, context=50)
    found = validation_esr(model, params, [passage(one, model.warmup)])
    heard = np.concatenate([one.context, one.input])
    wrong, right = offline(model, params, one, heard)
    np.testing.assert_allclose(found, wrong / right, rtol=1e-4)


def test_real_audio_before_the_passage_changes_its_first_samples():
    params = WAVENET.init(jax.random.key(0))
    one = capture(20, context=50)
    warm = validation_esr(WAVENET, params, [passage(one, WAVENET.warmup)])
    cold = offline(WAVENET, params, one, one.input)
    assert abs(warm - cold[0] / cold[1]) > 1e-3


def test_the_length_of_the_blocks_does_not_matter():
    params = WAVENET.init(jax.random.key(0))
    one = capture(1000, context=50)
    found = [
        validation_esr(WAVENET, params, [passage(one, WAVENET.warmup, block)])
        for block in (64, 1500)
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_several_passages_share_one_ratio_of_sums():
    params = WAVENET.init(jax.random.key(0))
    both = [capture(900, seed=1), capture(300, seed=2)]
    sums = [offline(WAVENET, params, one, one.input) for one in both]
    found = validation_esr(
        WAVENET, params, [passage(one, WAVENET.warmup) for one in both]
    )
    wrong, right = np.sum(sums, axis=0)
    np.testing.assert_allclose(found, wrong / right, rtol=1e-4)
