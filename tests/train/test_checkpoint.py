"""Checkpoints: the best and the latest are kept, damage is told and not loaded."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import LSTM, WAVENET, task

from jaxamp.core import RunError
from jaxamp.train import (
    Checkpoints,
    Optimizer,
    kept_from,
    load_best,
    pack,
    start,
    unpack,
)


def at(step, seed=0, **options):
    state = start(task(**options), seed, batch=2)
    return dataclasses.replace(state, step=jnp.int32(step))


def save(checkpoints, step, esr, seed=0, **options):
    state = at(step, seed, **options)
    checkpoints.save(state, {"step": step}, WAVENET, 2.0, esr)
    return state


def flip(folder):
    """Turns one bit of the largest file of stored numbers that are read back."""
    largest = max((folder / "state" / "d").iterdir(), key=lambda f: f.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"average_decay": 0.5, "optimizer": Optimizer(optax.adamw)},
        {"model": LSTM, "chunk": 8, "update_every_chunk": True},
    ],
)
def test_unpacking_gives_back_every_leaf(options):
    state = at(7, seed=3, **options)
    like = jax.eval_shape(lambda: state)
    again = unpack(pack(state), like)
    assert jax.tree.structure(again) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(state), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_the_best_outlives_the_latest_and_is_what_is_loaded(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    esrs = {1: 0.5, 2: 0.1, 3: 0.1, 4: None, 5: float("nan"), 6: 0.9}
    for step, esr in esrs.items():
        best = save(checkpoints, step, esr, seed=step)
        if step == 2:
            kept = best
    assert checkpoints.steps() == [6, 5, 2]
    assert checkpoints.best_step() == 2, "of two equal ones the earlier is the best"
    checkpoints.close()
    record, vectors = load_best(tmp_path)
    assert record["facts"] == {"step": 2}
    assert record["target_gain"] == 2.0
    params = kept_from(vectors, WAVENET, record["averaged"])
    np.testing.assert_array_equal(pack(params)["float32"], pack(kept.params)["float32"])


def test_the_average_is_what_is_taken_from_a_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    state = at(1, average_decay=0.5)
    state = dataclasses.replace(state, average=jnp.ones_like(state.params))
    checkpoints.save(state, {}, WAVENET, 1.0, 0.5)
    checkpoints.close()
    record, vectors = load_best(tmp_path)
    params = kept_from(vectors, WAVENET, record["averaged"])
    np.testing.assert_array_equal(pack(params)["float32"], 1)


def test_a_flipped_bit_is_told_and_the_step_can_be_saved_anew(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    earlier = save(checkpoints, 1, 0.5)
    save(checkpoints, 2, 0.4)
    flip(tmp_path / "2")
    with pytest.raises(RunError, match=r"Checkpoint 2 .* is damaged"):
        checkpoints.restore(2, earlier)
    with pytest.raises(RunError, match=r"Checkpoint 2 .* is damaged"):
        load_best(tmp_path)
    again = checkpoints.restore(1, earlier)
    np.testing.assert_array_equal(pack(again)["float32"], pack(earlier)["float32"])
    checkpoints.discard(2)
    assert checkpoints.steps() == [1]
    save(checkpoints, 2, 0.4)
    checkpoints.restore(2, earlier)
    checkpoints.close()


def test_looking_at_a_run_changes_nothing_in_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 0.5)
    checkpoints.close()
    unfinished = tmp_path / "2.orbax-checkpoint-tmp"
    unfinished.mkdir()
    before = sorted(tmp_path.rglob("*"))
    load_best(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_without_checkpoints_is_told(tmp_path):
    with pytest.raises(RunError, match="holds no whole checkpoint yet"):
        load_best(tmp_path)
