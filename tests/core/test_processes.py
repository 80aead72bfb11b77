"""Processes agree on what one of them says, and notice when one is gone."""

import contextlib
import threading
import time

import numpy as np
import pytest

from jaxamp.core import ConfigError, RunError, processes
from jaxamp.core.processes import ALONE, GIVEN, Post, Together, found

CLUSTER = ("SLURM", "OMPI", "TPU", "MEGASCALE", "JAX_")


class Board:
    """What `jax.distributed` keeps for all processes, kept in a dictionary."""

    def __init__(self):
        self.notes, self.changed = {}, threading.Condition()

    def shutdown(self):
        pass

    @property
    def client(self):
        return self

    def key_value_set_bytes(self, key, value, again):
        with self.changed:
            assert again or key not in self.notes
            self.notes[key] = value
            self.changed.notify_all()

    def blocking_key_value_get_bytes(self, key, milliseconds):
        with self.changed:
            if not self.changed.wait_for(lambda: key in self.notes, milliseconds / 1e3):
                raise RuntimeError("DEADLINE_EXCEEDED")
            return self.notes[key]

    def key_value_try_get_bytes(self, key):
        if key not in self.notes:
            raise RuntimeError("NOT_FOUND")
        return self.notes[key]

    def key_value_dir_get_bytes(self, folder):
        with self.changed:
            return [(k, v) for k, v in self.notes.items() if k.startswith(folder)]

    def key_value_delete(self, folder):
        with self.changed:
            self.notes = {
                k: v for k, v in self.notes.items() if not k.startswith(folder)
            }


@pytest.fixture
def ends(monkeypatch):
    """Quick watches, and what ends of processes said instead of ending this one."""
    said, crews, keep_watch = [], [], Together.keep_watch

    def watch(crew):
        crews.append(crew)
        with contextlib.suppress(SystemExit):
            keep_watch(crew)

    def end(message):
        said.append(message)
        raise SystemExit

    monkeypatch.setattr(processes, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(processes, "LOST_SECONDS", 0.3)
    monkeypatch.setattr(processes, "end", end)
    monkeypatch.setattr(Together, "keep_watch", watch)
    yield said
    for crew in crews:
        crew.done.set()
        crew.watch.join()


def each(count, act):
    """What `act` returns in each of so many processes, here threads."""
    board, got = Board(), {}
    crews = [Together(board, i, count) for i in range(count)]

    def one(crew):
        got[crew.index] = act(crew)
        crew.close()

    threads = [threading.Thread(target=one, args=(crew,)) for crew in crews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [got[i] for i in range(count)], board


def test_all_hear_what_the_first_says_and_only_it_computes(ends):
    computed = []

    def act(crew):
        def say():
            computed.append(crew.index)
            return {"esr": float("inf"), "steps": [1, crew.index]}

        return [crew.first(say), crew.first(lambda: crew.index)]

    said, _ = each(3, act)
    assert said == [[{"esr": float("inf"), "steps": [1, 0]}, 0]] * 3
    assert computed == [0]
    assert not ends


def test_large_arrays_arrive_as_they_are(ends):
    sent = {
        "float32": np.random.default_rng(0).random(700_000, np.float32),
        "int32": np.arange(3, dtype=np.int32),
    }
    got, _ = each(2, lambda crew: crew.first_arrays(lambda: sent))
    for name, numbers in sent.items():
        np.testing.assert_array_equal(got[1][name], numbers)
        assert got[1][name].dtype == numbers.dtype


def test_one_that_is_asked_to_stop_stops_all(ends):
    said, _ = each(3, lambda crew: [crew.any(crew.index == 2), crew.any(False)])
    assert said == [[True, False]] * 3


def test_what_all_have_read_is_forgotten(ends):
    def act(crew):
        for _ in range(20):
            crew.first(lambda: "words")
            crew.gathered(crew.index)

    _, board = each(2, act)
    assert sum("/said/" in key for key in board.notes) <= 6


def test_a_failure_of_the_first_is_told_to_all(ends):
    def fails():
        raise ConfigError("The folder is taken.")

    def act(crew):
        with pytest.raises(ConfigError if crew.leads else RunError, match="taken"):
            crew.by_first(fails)
        return crew.by_first(lambda: 7)

    assert each(2, act)[0] == [7, 7]


def wait_until(condition):
    begin = time.monotonic()
    while not condition() and time.monotonic() - begin < 20:
        time.sleep(0.01)
    assert condition()


def test_a_silent_process_ends_the_others_but_not_one_that_needs_nobody(ends):
    board = Board()
    crew = Together(board, 0, 2)
    with crew.apart():
        time.sleep(1)
        assert not ends
    wait_until(lambda: ends)
    assert "process 1" in ends[0]
    assert "start all processes again" in ends[0]


def test_one_that_leaves_says_why_to_the_others(ends, monkeypatch):
    monkeypatch.setattr(processes, "quit_now", lambda status: None)
    board = Board()
    crews = [Together(board, i, 2) for i in range(2)]
    crews[1].leave(2, "The disk is full.")
    wait_until(lambda: ends)
    assert "process 1 has stopped: The disk is full." in ends[0]


def test_a_lost_service_is_a_lost_first_process(ends):
    board = Board()

    def broken(*_):
        raise RuntimeError("UNAVAILABLE: connection refused")

    board.key_value_set_bytes = broken
    Together(board, 1, 2)
    wait_until(lambda: ends)
    assert "the first process is gone (UNAVAILABLE" in ends[0]


def test_alone_everything_is_said_to_oneself():
    assert ALONE.first(lambda: 3) == ALONE.by_first(lambda: 3) == 3
    assert ALONE.gathered(1) == [1]
    assert ALONE.any(True)
    assert not ALONE.any(False)


@pytest.fixture
def nowhere(monkeypatch):
    """An environment without any cluster."""
    for name in list(processes.os.environ):
        if name.startswith(CLUSTER):
            monkeypatch.delenv(name)
    return monkeypatch


def test_addresses_are_taken_from_the_environment(nowhere):
    assert found({}) is None
    given = dict(zip(GIVEN, ("10.0.0.1:8476", "4", "3"), strict=True))
    assert found(given) == Post("10.0.0.1:8476", 4, 3)


def test_a_slurm_step_is_found_as_jax_finds_it(nowhere):
    step = {
        "SLURM_JOB_ID": "77", "SLURM_STEP_NODELIST": "gpu[03-06]", "SLURM_NTASKS": "4",
        "SLURM_PROCID": "2", "SLURM_LOCALID": "0",
    }  # fmt: skip
    for name, value in step.items():
        nowhere.setenv(name, value)
    post = found({})
    assert post is not None
    assert post.address.startswith("gpu03:")
    assert (post.count, post.index, list(post.devices or ())) == (4, 2, [0])


@pytest.mark.parametrize(
    "wrong",
    [
        ("10.0.0.1", "4", "3"),
        ("10.0.0.1:0", "4", "3"),
        ("10.0.0.1:8476", "4", "4"),
        ("10.0.0.1:8476", "four", "3"),
        ("10.0.0.1:8476", "4", ""),
    ],
)
def test_wrong_addresses_are_refused(nowhere, wrong):
    with pytest.raises(ConfigError, match="JAX_"):
        found(dict(zip(GIVEN, wrong, strict=True)))
