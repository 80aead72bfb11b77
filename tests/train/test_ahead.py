"""The first call is compiled once, ahead of it, where all members begin with it."""

import dataclasses
import logging

import jax
import pytest
from compilations import Compilations
from tiny import WAVENET, capture, task

from jaxamp.data import windows
from jaxamp.models import recurrent
from jaxamp.train import (
    LearningRates,
    Member,
    Plan,
    Progress,
    Screen,
    Unwritten,
    compiled_ahead,
    fit,
    pack,
    passage,
    start,
)
from jaxamp.train.loop import side_by_side

BATCH = 2
DATA = windows([capture()], context=32, outputs=48, batch=BATCH)
PASSAGES = [passage(capture(500, seed=9), WAVENET.warmup)]
CHUNKS = {"model": recurrent(hidden=[2]), "chunk": 16, "update_every_chunk": True}


def member(one, weights=None, resumed=None):
    return Member(
        task=one,
        dataset=DATA,
        passages=PASSAGES,
        plan=Plan(steps=8, validate_every=4),
        seed=3,
        rates=LearningRates(lambda step: 0.02),
        checkpoints=Unwritten(),
        log=Unwritten(),
        weights=weights,
        resumed=resumed,
    )


def left_at(step, restarts=0):
    """A run taken up there."""
    state = dataclasses.replace(start(task(), 3, BATCH), step=step)
    return state, Progress(step=step, restarts=restarts)


@pytest.fixture
def compiled(monkeypatch):
    """Listens to JAX itself, whose logger Hydra disables where it ran before."""
    logger, seen = logging.getLogger("jax._src.dispatch"), Compilations()
    monkeypatch.setattr(logger, "disabled", False)
    level = logger.level
    logger.setLevel(logging.WARNING)
    logger.addHandler(seen)
    jax.config.update("jax_log_compiles", True)
    yield seen
    jax.config.update("jax_log_compiles", False)
    logger.removeHandler(seen)
    logger.setLevel(level)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param(lambda: [member(task())], id="one"),
        pytest.param(lambda: [member(task(), weights=[2.0])], id="weights"),
        pytest.param(
            lambda: [member(task(average_decay=0.5)), member(task(microbatch=1))],
            id="two side by side",
        ),
        pytest.param(lambda: [member(task(**CHUNKS))], id="audio from step to step"),
    ],
)
def test_steps_are_compiled_once_and_learn_as_without(members, compiled):
    jax.clear_caches()
    ahead = fit(members(), Screen(8), advance=compiled_ahead(members()))
    assert compiled.count == 1
    plain = fit(members(), Screen(8))
    assert compiled.count == 1
    for one, other in zip(ahead, plain, strict=True):
        for numbers, others in zip(
            pack(one.final).values(), pack(other.final).values(), strict=True
        ):
            assert numbers.tobytes() == others.tobytes()


@pytest.mark.parametrize(
    "begins",
    [
        pytest.param([left_at(8)], id="at its end"),
        pytest.param([None, left_at(4)], id="at different steps"),
        pytest.param([left_at(4), left_at(4, restarts=1)], id="at different rates"),
    ],
)
def test_nothing_is_compiled_ahead_that_may_not_be_called(begins):
    members = [member(task(), resumed=one) for one in begins]
    assert compiled_ahead(members) is side_by_side


def test_what_may_not_be_compiled_is_said_before_the_first_step():
    def refuses(prediction, target):
        raise ValueError("no such loss")

    with pytest.raises(ValueError, match="no such loss"):
        compiled_ahead([member(task(loss=refuses))])
