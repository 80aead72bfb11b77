"""Members of a population learn what they would have learned alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import LSTM, WAVENET, capture, task

from jaxamp.data import windows
from jaxamp.losses import weighted_sum
from jaxamp.models import recurrent
from jaxamp.train import (
    LearningRates,
    Member,
    Optimizer,
    Plan,
    Population,
    Progress,
    Running,
    start,
)
from jaxamp.train.loop import side_by_side
from jaxamp.train.population import spread

BATCH, OUTPUTS, STEPS = 2, 64, 20
LOSS = weighted_sum({"mse": {"weight": 1.0}, "esr": {"weight": 1.0}})
MODELS = {"WaveNet": WAVENET, "LSTM": LSTM}


def dataset(seed=0):
    return windows(
        [capture(seed=seed)], context=WAVENET.receptive_field - 1, outputs=OUTPUTS,
        batch=BATCH,
    )  # fmt: skip


SAME = dataset()


def members(model, heard=(SAME, SAME, SAME)):
    """Three that differ in seed, learning rate and weights."""
    one = task(model, loss=LOSS, average_decay=0.5)
    return [running(one, data, seed) for seed, data in enumerate(heard)]


def running(one, data, seed):
    state = start(one, seed, BATCH)
    nothing: dict = {"passages": (), "checkpoints": None, "log": None}
    member = Member(
        task=one,
        dataset=data,
        plan=Plan(steps=STEPS, validate_every=STEPS),
        seed=seed,
        rates=LearningRates(lambda step, peak=0.01 * (seed + 1): peak / (1 + step)),
        weights=(1.0, 0.1 * seed),
        **nothing,
    )
    went_back = Progress(restarts=seed)  # which makes its rates lower still
    return Running(member, state, went_back, None, None)


def alone(run, length=STEPS):
    copied = dataclasses.replace(run, state=jax.tree.map(jnp.copy, run.state))
    (state,), (losses,), (healthy,) = side_by_side([copied], 0, length)()
    return state, losses, healthy


def assert_close(state, other, **tolerance):
    leaves = zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True)
    for one, two in leaves:
        if jnp.issubdtype(jnp.asarray(one).dtype, jnp.number):
            np.testing.assert_allclose(one, two, **tolerance)


@pytest.mark.parametrize("in_turn", [True, False])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("at_once", [None, 2])
def test_each_ends_like_the_same_member_alone(name, in_turn, at_once):
    runs = members(MODELS[name])
    states, losses, healthy = Population(at_once, in_turn)(runs, 0, STEPS)()
    assert np.all(healthy)
    for run, state, row in zip(runs, states, losses, strict=True):
        expected, by_itself, _ = alone(run)
        assert int(state.step) == STEPS
        np.testing.assert_allclose(row[:STEPS], by_itself[:STEPS], rtol=1e-4)
        assert_close(state, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("in_turn", [True, False])
def test_members_may_hear_captures_of_their_own(in_turn):
    runs = members(WAVENET, [dataset(0), dataset(1), dataset(2)])
    states, _, _ = Population(None, in_turn)(runs, 0, STEPS)()
    for run, state in zip(runs, states, strict=True):
        assert_close(state, alone(run)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("in_turn", [True, False])
def test_one_that_diverges_stops_before_it_and_leaves_the_others_alone(in_turn):
    one = task(loss=LOSS, optimizer=Optimizer(optax.sgd))
    runs = [running(one, SAME, seed) for seed in range(3)]
    wild = dataclasses.replace(runs[1].member, weights=(1e30, 1e30))
    runs[1] = dataclasses.replace(runs[1], member=wild)
    states, _, healthy = Population(None, in_turn)(runs, 0, STEPS)()
    assert list(healthy) == [True, False, True]
    assert int(states[1].step) < STEPS
    assert np.all(np.isfinite(states[1].params))
    assert_close(states[2], alone(runs[2])[0], rtol=1e-4, atol=1e-5)


def test_a_batch_is_halved_once_half_of_it_has_stopped():
    population = Population(None, in_turn=False)
    runs = [running(task(loss=LOSS), SAME, seed) for seed in range(4)]
    population(runs, 0, 1)()
    devices = population.mesh.size
    for left in (4, 3, 2, 1):
        lanes = population.lanes_for(left)
        assert left <= lanes < max(2 * left, devices + 1)
    states, _, _ = population(runs[2:3], 0, STEPS)()
    assert_close(states[0], alone(runs[2])[0], rtol=1e-4, atol=1e-5)


def test_the_memory_bounds_how_many_learn_at_once(monkeypatch):
    runs = [running(task(loss=LOSS), SAME, seed) for seed in range(8)]
    needed = []

    def noting(program):
        needed.append(1)
        return 100 / len(needed)  # as if each halving of the width halved the need

    monkeypatch.setattr("jaxamp.train.population.needed_bytes", noting)
    monkeypatch.setattr("jaxamp.train.population.available_bytes", lambda: 70)
    population = Population(None, in_turn=False)
    states, _, _ = population(runs, 0, 3)()
    assert population.width == 4
    assert_close(states[7], alone(runs[7], 3)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("members", "lanes", "devices"), [(5, 6, 2), (3, 8, 4)])
def test_every_device_gets_its_share_of_members(members, lanes, devices):
    dealt = spread(members, lanes, devices)
    assert sorted(m for m in dealt if m is not None) == list(range(members))
    rows = lanes // devices
    shares = [
        sum(m is not None for m in dealt[d * rows : (d + 1) * rows])
        for d in range(devices)
    ]
    assert max(shares) - min(shares) <= 1


def test_members_with_knobs_hear_where_they_stand_in_each_capture():
    model = recurrent(hidden=[3], controls=["gain"])

    def turned(*stands):
        captures = [
            dataclasses.replace(capture(1000, seed=i), controls=np.float32([stand]))
            for i, stand in enumerate(stands)
        ]
        return windows(captures, context=16, outputs=OUTPUTS, batch=BATCH)

    heard = [turned(0, 1), turned(0.2, 0.7)]
    together = members(model, heard)
    expected = [alone(run) for run in together]
    states, losses, _ = Population(in_turn=False)(together, 0, STEPS)()
    for state, loss, (one, other, _) in zip(states, losses, expected, strict=True):
        assert_close(state, one, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(loss[:STEPS], other[:STEPS], rtol=1e-4)
    # The knobs are not merely carried along: elsewhere, something else is learned.
    (unlike, _, _) = alone(members(model, [turned(1, 0)])[0])
    numbers = [jax.tree.leaves(s.params)[0] for s in (expected[0][0], unlike)]
    assert not np.allclose(*numbers)
