"""Validation hears the whole passage, warm, and counts exactly its samples."""

import dataclasses

import jax
import numpy as np
import pytest
from tiny import LSTM, WAVENET, capture

from jaxamp.models import recurrent
from jaxamp.stream import process
from jaxamp.train import passage, validation_esr
from jaxamp.train.validate import BLOCK

KNOBBED = recurrent(hidden=[3], controls=["gain", "tone"])
TURNED = np.float32([1.0, 0.25])


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


def test_validation_hears_where_the_knobs_stand_warm_up_included():
    params = KNOBBED.init(jax.random.key(0))
    one = dataclasses.replace(capture(300, context=50), controls=TURNED)
    passages = [passage(one, KNOBBED.warmup)]
    heard = np.concatenate([one.context, one.input])
    y = process(KNOBBED, params, heard, controls=one.controls)[50:]
    expected = np.sum((y - one.target) ** 2) / np.sum(one.target**2)
    found = validation_esr(KNOBBED, params, passages)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    other = dataclasses.replace(one, controls=1 - TURNED)
    unlike = validation_esr(KNOBBED, params, [passage(other, KNOBBED.warmup)])
    assert abs(unlike - found) > 1e-4


def test_every_setting_has_one_vote_however_loud_it_is():
    params = KNOBBED.init(jax.random.key(0))
    loud = dataclasses.replace(capture(300, seed=1), controls=TURNED)
    quiet = capture(300, seed=2)
    quiet = dataclasses.replace(quiet, target=quiet.target / 100, controls=0 * TURNED)
    passages = [passage(one, KNOBBED.warmup) for one in (loud, quiet)]
    alone = [validation_esr(KNOBBED, params, [one]) for one in passages]
    found = validation_esr(KNOBBED, params, passages)
    np.testing.assert_allclose(found, np.mean(alone))
    # Two passages of one setting are one ratio of sums, as without knobs.
    again = passage(dataclasses.replace(loud, input=loud.input[::-1]), KNOBBED.warmup)
    both = validation_esr(KNOBBED, params, [passages[0], again])
    apart = [validation_esr(KNOBBED, params, [one]) for one in (passages[0], again)]
    np.testing.assert_allclose(both, np.mean(apart), rtol=1e-5)  # equal energies
    three = validation_esr(KNOBBED, params, [passages[0], again, passages[1]])
    np.testing.assert_allclose(three, (both + alone[1]) / 2, rtol=1e-5)
