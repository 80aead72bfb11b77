"""A run stops for the stated reason, keeps its best, and can be cut anywhere."""

import dataclasses
import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import WAVENET, capture, task

from jaxamp.data import windows
from jaxamp.train import (
    Checkpoints,
    Plan,
    Progress,
    RunLog,
    duration,
    fit,
    kept_params,
    pack,
    passage,
    read_lines,
    start,
)
from jaxamp.train.loop import call_length, due, ended, validated
from jaxamp.train.step import STEPS_PER_CALL

BATCH = 2
DATA = windows(
    [capture()], context=WAVENET.receptive_field - 1, outputs=64, batch=BATCH
)
PASSAGES = [passage(capture(500, seed=9), WAVENET.warmup)]
TASK = task(learning_rate=0.02)


def run(folder, steps=6, task=TASK, resumed=None, interrupted=lambda: False, **options):
    plan = Plan(**{"steps": steps, "validate_every": 2, **options})
    folder.mkdir(exist_ok=True)
    checkpoints = Checkpoints(folder / "checkpoints")
    log = RunLog(folder, plan.steps, resumed[1].step if resumed else 0)
    try:
        outcome = fit(
            task,
            DATA,
            PASSAGES,
            plan,
            checkpoints,
            log,
            seed=0,
            batch=BATCH,
            target_gain=1.0,
            resumed=resumed,
            interrupted=interrupted,
        )
        return outcome, checkpoints.steps(), checkpoints.best_step()
    finally:
        log.close()
        checkpoints.close()


def test_all_steps_are_made_and_the_best_is_given_back(tmp_path):
    outcome, kept, best = run(tmp_path)
    assert outcome.reason == "steps"
    assert int(outcome.final.step) == outcome.progress.step == 6
    rows = read_lines(tmp_path / "metrics.jsonl")
    assert rows[-1]["step"] == 6
    esrs = {r["step"]: r["validation_esr"] for r in rows if "validation_esr" in r}
    assert set(esrs) == {2, 4, 6}
    assert min(esrs, key=esrs.get) == outcome.progress.best_step == best
    assert outcome.progress.best_esr == min(esrs.values())
    assert {6, best} <= set(kept)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_run_cut_at_any_step_ends_with_the_same_bits(tmp_path):
    whole, _, _ = run(tmp_path / "whole")
    asked = []

    def after_one_call():
        asked.append(1)
        return len(asked) > 1

    cut, kept, _ = run(tmp_path / "cut", validate_every=3, interrupted=after_one_call)
    assert cut.reason == "interrupted"
    assert cut.progress.step == 3 == kept[0]
    rest, _, _ = run(tmp_path / "cut", resumed=(cut.final, cut.progress))
    assert rest.reason == "steps"
    one, other = pack(whole.final), pack(rest.final)
    for kind in one:
        np.testing.assert_array_equal(one[kind], other[kind])


def test_a_loss_that_is_not_finite_keeps_what_was_before_it(tmp_path):
    def fails(prediction, target):
        return jnp.mean((prediction - target) ** 2, axis=(1, 2)) * jnp.where(
            jnp.max(jnp.abs(prediction)) > 1, jnp.nan, 1.0
        )

    wild = task(loss=fails, learning_rate=3.0)
    outcome, kept, _ = run(tmp_path, task=wild)
    assert outcome.reason == "diverged"
    assert outcome.progress.step == int(outcome.final.step) == kept[0] < 6
    assert all(np.all(np.isfinite(v)) for v in pack(outcome.final).values())
    kept_best = pack(outcome.params)["float32"]
    assert np.all(np.isfinite(kept_best))


def test_a_reached_threshold_stops_the_run(tmp_path):
    outcome, kept, _ = run(tmp_path, threshold_esr=1e6)
    assert (outcome.reason, outcome.progress.step, kept) == ("threshold", 2, [2])


def test_time_that_is_up_is_validated_and_stops_the_run(tmp_path):
    outcome, kept, best = run(tmp_path, validate_every=5, minutes=1e-9)
    assert outcome.reason == "minutes"
    assert kept == [outcome.progress.step] == [best]
    assert outcome.progress.step < 5


def test_patience_counts_validations_without_a_new_best():
    plan, progress = Plan(steps=100, validate_every=1, patience=2), Progress()
    reasons = []
    for step, esr in enumerate([0.5, 0.6, 0.4, 0.4, math.nan], 1):
        progress = validated(dataclasses.replace(progress, step=step), esr, 0.0)
        reasons.append(ended(plan, progress, interrupted=False))
    assert reasons == [None, None, None, None, "patience"]
    assert (progress.best_esr, progress.best_step) == (0.4, 3)


def test_a_first_validation_that_is_no_number_is_not_the_best_for_ever():
    progress = validated(Progress(step=1), math.nan, 0.0)
    progress = validated(dataclasses.replace(progress, step=2), 7.0, 0.0)
    assert (progress.best_esr, progress.best_step, progress.stale) == (7.0, 2, 0)


@pytest.mark.parametrize("pace", [None, 1e-9, 0.01, 100.0])
def test_calls_end_at_every_validation_and_at_the_last_step(pace):
    plan, step, ends = Plan(steps=25, validate_every=10), 0, []
    while step < plan.steps:
        length = call_length(plan, Progress(step=step), pace)
        assert 1 <= length <= STEPS_PER_CALL
        step += length
        ends.append(step)
        assert due(plan, Progress(step=step)) == (step in (10, 20, 25))
    assert {10, 20, 25} <= set(ends)


def test_a_lost_best_is_forgotten_and_the_next_validation_takes_its_place(tmp_path):
    state = start(TASK, 0, BATCH)
    lost = Progress(step=0, best_esr=1e-9, best_step=4, validated=0, stale=1)
    outcome, _, best = run(tmp_path, steps=2, resumed=(state, lost))
    assert outcome.progress.best_step == best == 2
    assert outcome.progress.best_esr > 1e-9
    np.testing.assert_array_equal(
        pack(outcome.params)["float32"], pack(kept_params(outcome.final))["float32"]
    )


def test_lines_of_steps_that_are_made_again_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [json.dumps({"step": step}) for step in (2, 4, 6)]
    path.write_text("\n".join(rows) + '\n{"step": 8, "lo')
    RunLog(tmp_path, 10, first_step=4).close()
    assert [row["step"] for row in read_lines(path)] == [2, 4]


def test_durations_are_written_for_people():
    assert [duration(s) for s in (0.4, 75, 3600 + 61)] == ["0:00", "1:15", "1:01:01"]
