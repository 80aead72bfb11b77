"""A run stops for the stated reason, keeps its best, and can be cut anywhere."""

import dataclasses
import json
import math
import shutil
import struct

import jax.numpy as jnp
import numpy as np
import pytest
from tensorboardX.proto import event_pb2
from tiny import MSE, WAVENET, capture, task

from jaxamp.data import windows
from jaxamp.models import wavenet
from jaxamp.train import (
    Checkpoints,
    LearningRates,
    Member,
    Plan,
    Progress,
    RunLog,
    Screen,
    duration,
    fit,
    pack,
    passage,
    read_lines,
    start,
    take_up,
    vector,
)
from jaxamp.train.progress import call_length, due, ended, validated
from jaxamp.train.step import STEPS_PER_CALL

BATCH = 2
DATA = windows(
    [capture()], context=WAVENET.receptive_field - 1, outputs=64, batch=BATCH
)
PASSAGES = [passage(capture(500, seed=9), WAVENET.warmup)]
TASK = task()


@pytest.fixture(autouse=True)
def first_calls_of_several_steps(monkeypatch):
    """So that a run of few steps can be cut between calls that make several."""
    monkeypatch.setattr("jaxamp.train.progress.FIRST_CALLS", 4)


def run(folder, steps=6, **options):
    """A run of one model: its outcome, the kept steps, the best step."""
    (outcome,), (member,) = run_all({folder: TASK}, steps, **options)
    return outcome, member.checkpoints.steps(), outcome.progress.best_step


def run_all(
    tasks,
    steps=6,
    rate=0.02,
    resumed=None,
    interrupted=lambda: False,
    rescue=lambda saves: None,
    warn=print,
    **options,
):
    """A run of several models, each in its folder: outcomes and members."""
    plan = Plan(**{"steps": steps, "validate_every": 2, **options})
    members = []
    for i, (folder, one) in enumerate(tasks.items()):
        folder.mkdir(exist_ok=True)
        checkpoints = Checkpoints(folder / "checkpoints")
        found = resumed[i] if resumed else None
        log = RunLog(folder, found[1].step if found else 0)
        members.append(
            Member(
                task=one,
                dataset=DATA,
                passages=PASSAGES,
                plan=plan,
                seed=0,
                rates=LearningRates(lambda step: rate),
                checkpoints=checkpoints,
                log=log,
                name=folder.name,
                resumed=found,
            )
        )
    screen = Screen(plan.steps)
    try:
        hooks = {"interrupted": interrupted, "rescue": rescue, "warn": warn}
        return fit(members, screen, **hooks), members
    finally:
        screen.close()
        for member in members:
            member.log.close()
            member.checkpoints.close()


def calls(number):
    """Interrupts once it was asked so often: at the start, and twice in each call."""
    asked = []

    def interrupted():
        asked.append(1)
        return len(asked) > number

    return interrupted


def test_all_steps_are_made_and_the_best_is_given_back(tmp_path):
    outcome, kept, best = run(tmp_path)
    assert outcome.reason == "steps"
    assert int(outcome.final.step) == outcome.progress.step == 6
    rows = read_lines(tmp_path / "metrics.jsonl")
    assert rows[-1]["step"] == 6
    esrs = {r["step"]: r["validation_esr"] for r in rows if "validation_esr" in r}
    assert set(esrs) == {2, 4, 6}
    assert min(esrs, key=lambda step: esrs[step]) == outcome.progress.best_step == best
    assert outcome.progress.best_esr == min(esrs.values())
    assert {6, best} <= set(kept)


def scalars(folder):
    """What TensorBoard reads: (name, step) -> value, and where sessions begin."""
    (file,) = folder.glob("events.out.tfevents.*")
    data, values, begins = file.read_bytes(), {}, []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        event = event_pb2.Event.FromString(data[12 : 12 + size])  # pyright: ignore
        if event.HasField("session_log"):
            begins.append(event.step)
        for one in event.summary.value:
            values[one.tag, event.step] = one.simple_value
        data = data[16 + size :]
    return values, begins


def test_tensorboard_is_given_every_number(tmp_path):
    run(tmp_path)
    given = {
        (name, row["step"]): pytest.approx(value, rel=1e-6)
        for row in read_lines(tmp_path / "metrics.jsonl")
        for name, value in row.items()
        if name != "step" and value is not None
    }
    assert scalars(tmp_path / "tensorboard") == (given, [1])


def test_tensorboard_hides_what_a_run_taken_up_makes_anew(tmp_path):
    RunLog(tmp_path, first_step=7).close()
    assert scalars(tmp_path / "tensorboard") == ({}, [8])


def test_a_run_cut_at_any_step_ends_with_the_same_bits(tmp_path):
    whole, _, _ = run(tmp_path / "whole")
    cut, kept, _ = run(tmp_path / "cut", validate_every=3, interrupted=calls(1))
    assert cut.reason == "interrupted"
    assert cut.progress.step == 3 == kept[0]
    rest, _, _ = run(tmp_path / "cut", resumed=[(cut.final, cut.progress)])
    assert rest.reason == "steps"
    one, other = pack(whole.final), pack(rest.final)
    for kind in one:
        np.testing.assert_array_equal(one[kind], other[kind])


def test_a_loss_that_is_not_finite_keeps_what_was_before_it(tmp_path):
    (outcome,), (member,) = run_all({tmp_path: task(loss=explodes)}, rate=3.0)
    kept = member.checkpoints.steps()
    assert outcome.reason == "diverged"
    assert outcome.progress.step == int(outcome.final.step) == kept[0] < 6
    assert all(np.all(np.isfinite(v)) for v in pack(outcome.final).values())
    kept_best = pack(outcome.params)["float32"]
    assert np.all(np.isfinite(kept_best))


def explodes(prediction, target):
    """A loss that is no number where the model answers too loud."""
    return MSE(prediction, target) * jnp.where(
        jnp.max(jnp.abs(prediction)) > 2, jnp.nan, 1.0
    )


def test_a_training_that_diverges_goes_back_and_on_slower_as_often_as_it_may(tmp_path):
    wild, warnings = task(loss=explodes), []
    plan = {"rate": 10.0, "warn": warnings.append}
    (once,), _ = run_all({tmp_path / "once": wild}, restarts=1, **plan)
    assert (once.reason, once.progress.restarts) == ("diverged", 1)
    warnings.clear()
    (ended,), (member,) = run_all({tmp_path / "often": wild}, restarts=9, **plan)
    times = ended.progress.restarts
    assert ended.reason == "steps"
    assert ended.progress.step == member.checkpoints.steps()[0] == 6
    assert 1 < times == len(warnings) <= 9
    assert "its numbers stopped being finite. Going back to step 0" in warnings[0]
    rows = read_lines(tmp_path / "often" / "metrics.jsonl")
    assert rows[-1]["learning_rate"] == pytest.approx(10.0 * 0.3**times)


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_training_that_went_back_ends_alike_wherever_it_is_cut(tmp_path, cut):
    wild = task(loss=explodes)
    whole, _ = run_all({tmp_path / "whole": wild}, rate=3.0, restarts=9)
    folder = tmp_path / "cut"
    first, _ = run_all({folder: wild}, rate=3.0, restarts=9, interrupted=calls(cut))
    found = found_alone(folder, wild)
    rest, _ = run_all({folder: wild}, rate=3.0, restarts=9, resumed=[found])
    assert first[0].reason == "interrupted"
    assert_same_ends(rest, whole)
    assert rest[0].progress.restarts == whole[0].progress.restarts


def found_alone(folder, one):
    """What a run of one model in a folder goes on from."""
    checkpoints = Checkpoints(folder / "checkpoints")
    plan = Plan(steps=6, validate_every=2)
    (found,) = take_up([checkpoints], [start(one, 0, BATCH)], [plan], print)
    checkpoints.close()
    return found


def test_one_that_goes_back_does_not_disturb_the_others(tmp_path):
    tasks = {tmp_path / "wild": task(loss=explodes), tmp_path / "calm": task(WIDER)}
    (wild, calm), _ = run_all(tasks, rate=3.0, restarts=9)
    (alone,), _ = run_all({tmp_path / "alone": task(WIDER)}, rate=3.0)
    (apart,), _ = run_all(
        {tmp_path / "apart": task(loss=explodes)}, rate=3.0, restarts=9
    )
    assert (wild.reason, calm.reason) == ("steps", "steps")
    assert_same_ends([calm, wild], [alone, apart])


def test_a_validation_that_was_due_when_the_run_was_stopped_is_made_first(tmp_path):
    whole, _, _ = run(tmp_path / "whole")
    cut, _, _ = run(tmp_path / "cut", interrupted=calls(1))
    assert cut.progress.step == 2
    assert cut.progress.validated == 0
    rest, _, _ = run(tmp_path / "cut", resumed=[(cut.final, cut.progress)])
    assert_same_ends([rest], [whole])
    rows = read_lines(tmp_path / "cut" / "metrics.jsonl")
    assert {r["step"] for r in rows if "validation_esr" in r} == {2, 4, 6}


def test_a_run_stopped_at_its_last_step_is_not_done_before_its_validation(tmp_path):
    whole, _, _ = run(tmp_path / "whole")
    cut, _, _ = run(tmp_path / "cut", interrupted=calls(5))
    assert (cut.reason, cut.progress.step) == ("interrupted", 6)
    assert cut.progress.validated == 4
    rest, _, _ = run(tmp_path / "cut", resumed=[(cut.final, cut.progress)])
    assert rest.reason == "steps"
    assert_same_ends([rest], [whole])


@pytest.mark.parametrize("moment", range(2, 8))
def test_a_run_that_ran_out_of_time_was_kept_by_another_thread(tmp_path, moment):
    whole, _, _ = run(tmp_path / "whole")
    moments = []

    def rescue(saves):
        moments.append(1)
        if len(moments) == moment:
            for save in saves:
                save()
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run(tmp_path / "cut", rescue=rescue)
    found = found_alone(tmp_path / "cut", TASK)
    assert (found[1].step if found else 0) == 2 * ((moment - 1) // 2)
    rest, _, _ = run(tmp_path / "cut", resumed=[found])
    assert_same_ends([rest], [whole])


def test_a_reached_threshold_stops_the_run(tmp_path):
    outcome, kept, _ = run(tmp_path, threshold_esr=1e6)
    assert (outcome.reason, outcome.progress.step, kept) == ("threshold", 2, [2])


def test_time_that_is_up_is_validated_and_stops_the_run(tmp_path):
    outcome, kept, best = run(tmp_path, validate_every=5, minutes=1e-9)
    assert outcome.reason == "minutes"
    assert kept == [outcome.progress.step] == [best]
    assert outcome.progress.step < 5


# --- several members -----------------------------------------------------------------

WIDER = wavenet(arrays=[{"channels": 3, "dilations": [1, 4], "head_size": 1}])


def pair(folder):
    """Two models of different widths, each in its folder."""
    folder.mkdir(exist_ok=True)
    return {folder / "lite": TASK, folder / "full": task(WIDER)}


def assert_same_ends(ends, others):
    for one, other in zip(ends, others, strict=True):
        assert one.reason == other.reason
        assert one.progress.best_step == other.progress.best_step
        assert one.progress.best_esr == other.progress.best_esr
        for a, b in ((one.final, other.final), (one.params, other.params)):
            for kind, numbers in pack(a).items():
                np.testing.assert_array_equal(numbers, pack(b)[kind])


def found_in(folder, **options):
    """What a run of the pair in a folder goes on from."""
    plan = Plan(**{"steps": 6, "validate_every": 2, **options})
    tasks = pair(folder)
    folders = [Checkpoints(one / "checkpoints") for one in tasks]
    likes = [start(one, 0, BATCH) for one in tasks.values()]
    warnings = []
    found = take_up(folders, likes, [plan] * len(folders), warnings.append)
    kept = [checkpoints.steps() for checkpoints in folders]
    for checkpoints in folders:
        checkpoints.close()
    return found, kept, warnings


def test_members_end_like_runs_of_their_own(tmp_path):
    together, members = run_all(pair(tmp_path))
    alone = []
    for folder, one in pair(tmp_path / "alone").items():
        alone += run_all({folder: one})[0]
    assert_same_ends(together, alone)
    for member, end in zip(members, together, strict=True):
        assert end.progress.best_step in member.checkpoints.steps()
    for name in ("lite", "full"):
        rows = [
            [{"step": r["step"], "esr": r.get("validation_esr")} for r in read_lines(f)]
            for f in (
                tmp_path / name / "metrics.jsonl",
                tmp_path / "alone" / name / "metrics.jsonl",
            )
        ]
        assert rows[0] == rows[1]


def test_a_member_that_is_done_does_not_stop_the_others(tmp_path):
    probes, _ = run_all(pair(tmp_path / "probe"), 2)
    between = sum(end.progress.best_esr or 0.0 for end in probes) / 2
    ends, _ = run_all(pair(tmp_path / "run"), threshold_esr=between)
    early, late = sorted(ends, key=lambda end: end.progress.step)
    assert (early.reason, early.progress.step) == ("threshold", 2)
    assert late.progress.step > 2


def test_a_member_that_diverges_does_not_stop_the_others(tmp_path):
    tasks = {tmp_path / "wild": task(loss=explodes), tmp_path / "calm": task(WIDER)}
    (wild, calm), members = run_all(tasks, rate=3.0)
    assert (wild.reason, calm.reason) == ("diverged", "steps")
    assert wild.progress.step < calm.progress.step == 6
    assert members[0].checkpoints.steps()[0] == wild.progress.step
    (alone,), _ = run_all({tmp_path / "alone": task(WIDER)}, rate=3.0)
    assert_same_ends([calm], [alone])


@pytest.mark.parametrize("ended", [0, 1])
def test_members_left_at_different_steps_end_like_uninterrupted_ones(tmp_path, ended):
    whole, _ = run_all(pair(tmp_path / "whole"))
    folder = tmp_path / "cut"
    run_all(pair(folder), 4)
    behind = Checkpoints(list(pair(folder))[ended] / "checkpoints")
    behind.discard(4)  # as if killed between the two
    behind.close()
    found, kept, _ = found_in(folder)
    assert [one and one[1].step for one in found] == [2, 2]
    assert kept == [[2], [2]]
    rest, _ = run_all(pair(folder), resumed=found)
    assert_same_ends(rest, whole)


def test_a_member_killed_before_its_first_checkpoint_begins_again(tmp_path):
    whole, _ = run_all(pair(tmp_path / "whole"), 4)
    folder = tmp_path / "cut"
    lite, full = pair(folder)
    run_all(pair(folder), 2)
    shutil.rmtree(full / "checkpoints")
    found, kept, _ = found_in(folder)
    assert found == [None, None]
    assert kept == [[], []]
    rest, _ = run_all(pair(folder), 4, resumed=found)
    assert_same_ends(rest, whole)
    assert read_lines(lite / "metrics.jsonl")[-1]["step"] == 4


def test_a_member_far_behind_catches_up_and_then_goes_on_with_the_others(tmp_path):
    whole, _ = run_all(pair(tmp_path / "whole"), 8)
    folder = tmp_path / "cut"
    lite, full = pair(folder)
    run_all({lite: TASK}, 2)
    run_all({full: task(WIDER)}, 6)
    found, _, _ = found_in(folder, steps=8)
    assert [one and one[1].step for one in found] == [2, 6]
    rest, _ = run_all(pair(folder), 8, resumed=found)
    assert_same_ends(rest, whole)


def test_an_interrupted_pair_ends_like_an_uninterrupted_one(tmp_path):
    whole, _ = run_all(pair(tmp_path / "whole"), validate_every=3)
    folder = tmp_path / "cut"
    cut, _ = run_all(pair(folder), validate_every=3, interrupted=calls(1))
    assert [end.reason for end in cut] == ["interrupted"] * 2
    assert {end.progress.step for end in cut} == {3}
    found, _, _ = found_in(folder, validate_every=3)
    rest, _ = run_all(pair(folder), validate_every=3, resumed=found)
    assert_same_ends(rest, whole)


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
        length = call_length(plan, step, pace)
        assert 1 <= length <= STEPS_PER_CALL
        step += length
        ends.append(step)
        assert due(plan, Progress(step=step)) == (step in (10, 20, 25))
    assert {10, 20, 25} <= set(ends)


def test_nobody_trains_past_its_own_end_to_meet_others():
    plan = Plan(steps=15, validate_every=100)
    assert call_length(plan, 10, 1e-6, together=30) == 5


def test_a_lost_best_is_forgotten_and_the_next_validation_takes_its_place(tmp_path):
    state = start(TASK, 0, BATCH)
    lost = Progress(step=0, best_esr=1e-9, best_step=4, validated=0, stale=1)
    outcome, _, best = run(tmp_path, steps=2, resumed=[(state, lost)])
    assert outcome.progress.best_step == best == 2
    assert outcome.progress.best_esr != lost.best_esr
    np.testing.assert_array_equal(vector(outcome.params), outcome.final.params)


def test_lines_of_steps_that_are_made_again_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [json.dumps({"step": step}) for step in (2, 4, 6)]
    path.write_text("\n".join(rows) + '\n{"step": 8, "lo')
    RunLog(tmp_path, first_step=4).close()
    assert [row["step"] for row in read_lines(path)] == [2, 4]


def test_durations_are_written_for_people():
    assert [duration(s) for s in (0.4, 75, 3600 + 61)] == ["0:00", "1:15", "1:01:01"]
