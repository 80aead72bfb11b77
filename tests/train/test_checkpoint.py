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


def save(checkpoints, step, best=None, seed=0, **options):
    """Saves a state; `best` is the one that was the best so far."""
    state = at(step, seed, **options)
    best = state if best is None else best
    facts = {"step": step, "best_step": int(best.step)}
    checkpoints.save(state, facts, WAVENET, 2.0, best, {"config": {}})
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
    save(checkpoints, 1)
    kept = save(checkpoints, 2, seed=2)
    for step in (3, 4, 5, 6):
        save(checkpoints, step, kept, seed=step)
    assert checkpoints.steps() == [6, 5, 2]
    again = checkpoints.best(6, kept)
    assert again is not None
    np.testing.assert_array_equal(again.params, kept.params)
    checkpoints.close()
    record, vectors = load_best(tmp_path)
    assert record["facts"] == {"step": 6, "best_step": 2}
    assert record["target_gain"] == 2.0
    params = kept_from(vectors, WAVENET, record["averaged"])
    np.testing.assert_array_equal(pack(params)["float32"], pack(kept.params)["float32"])


def test_the_average_is_what_is_taken_from_a_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    state = at(1, average_decay=0.5)
    state = dataclasses.replace(state, average=jnp.ones_like(state.params))
    checkpoints.save(state, {}, WAVENET, 1.0)
    checkpoints.close()
    record, vectors = load_best(tmp_path)
    params = kept_from(vectors, WAVENET, record["averaged"])
    np.testing.assert_array_equal(pack(params)["float32"], 1)


def test_a_flipped_bit_is_told_and_the_step_can_be_saved_anew(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    earlier = save(checkpoints, 1)
    save(checkpoints, 2)
    flip(tmp_path / "checkpoints" / "2")
    with pytest.raises(RunError, match=r"Checkpoint 2 .* is damaged"):
        checkpoints.restore(2, earlier)
    record, _ = load_best(checkpoints.folder)
    assert record["facts"]["step"] == 1, "the newest whole one is taken"
    again = checkpoints.restore(1, earlier)
    np.testing.assert_array_equal(pack(again)["float32"], pack(earlier)["float32"])
    assert checkpoints.set_aside(2) == tmp_path / "damaged" / "2"
    assert checkpoints.steps() == [1]
    save(checkpoints, 2)
    checkpoints.restore(2, earlier)
    flip(tmp_path / "checkpoints" / "2")
    assert checkpoints.set_aside(2) == tmp_path / "damaged" / "2.2"
    flip(tmp_path / "checkpoints" / "1")
    with pytest.raises(RunError, match="There is no whole one"):
        load_best(checkpoints.folder)
    checkpoints.close()


@pytest.mark.parametrize("key", ["step", "best_step", "target_gain", "config"])
def test_a_changed_record_is_told_as_a_changed_number_is(tmp_path, key):
    checkpoints = Checkpoints(tmp_path)
    saved = save(checkpoints, 1)
    file = tmp_path / "1" / "record" / "metadata"
    text = file.read_text()
    at = text.index(f'"{key}"') + 1
    file.write_text(text[:at] + "X" + text[at + 1 :])
    with pytest.raises(RunError, match=r"Checkpoint 1 .* is damaged"):
        checkpoints.restore(1, saved)
    checkpoints.close()


def test_looking_at_a_run_changes_nothing_in_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    checkpoints.close()
    unfinished = tmp_path / "2.orbax-checkpoint-tmp"
    unfinished.mkdir()
    before = sorted(tmp_path.rglob("*"))
    load_best(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_without_checkpoints_is_told(tmp_path):
    with pytest.raises(RunError, match="holds no whole checkpoint yet"):
        load_best(tmp_path)
