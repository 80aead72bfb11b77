"""Two processes train one run; one is killed, and one alone ends as if never two."""

import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from runs import QUICK, assert_refused, run, train, vectors

from jaxamp.cli.processes import MOST_CORES, joined
from jaxamp.core.processes import ALONE, GIVEN

WAIT_SECONDS = 60.0


def begun(folder, index, port, said):
    """One of two processes of a run that goes on until it is stopped."""
    where = (f"127.0.0.1:{port}", "2", str(index))
    return subprocess.Popen(
        [sys.executable, "-m", "jaxamp", "train", *QUICK,
         "train.steps=1000000", f"hydra.run.dir={folder}"],
        env={**os.environ, **dict(zip(GIVEN, where, strict=True))},
        stdout=subprocess.DEVNULL, stderr=said.open("w"),
    )  # fmt: skip


def quick(capsys, folder, steps):
    """The same run by this process alone."""
    return run(
        capsys, "train", *QUICK, f"train.steps={steps}",
        f"hydra.run.dir={folder}",
    )  # fmt: skip


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def checkpoints(folder):
    """Steps of whole checkpoints, newest first."""
    found = (folder / "checkpoints").glob("[0-9]*")
    return sorted(
        (int(one.name) for one in found if one.name.isdecimal()), reverse=True
    )


def test_a_killed_process_stops_the_other_and_one_alone_goes_on(tmp_path, capsys):
    folder, port = tmp_path / "run", free_port()
    said = [tmp_path / f"{index}.err" for index in range(2)]
    both = [begun(folder, index, port, said[index]) for index in range(2)]
    try:
        begin = time.monotonic()
        while len(checkpoints(folder)) < 2:
            assert both[0].poll() is None, said[0].read_text()
            assert time.monotonic() - begin < 5 * WAIT_SECONDS
            time.sleep(0.1)
        assert_refused(quick(capsys, folder, 1_000_000), "Another jaxamp")
        both[1].send_signal(signal.SIGKILL)
        assert both[0].wait(WAIT_SECONDS) == 2
    finally:
        for one in both:
            one.kill()
            one.wait()
    *_, last = said[0].read_text().strip().splitlines()
    assert last.startswith("jaxamp: ")
    assert "start all processes again" in last

    made = checkpoints(folder)[0]
    resumed = quick(capsys, folder, made + 20)
    assert f"Going on from step {made} of {made + 20}." in resumed.out
    assert quick(capsys, tmp_path / "alone", made + 20).status == 0
    one, other = vectors(folder), vectors(tmp_path / "alone")
    for kind in one:
        np.testing.assert_allclose(one[kind], other[kind], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("train", "one_program", "expected"),
    [
        ({"devices": "auto", "processes": "auto"}, True, MOST_CORES),
        ({"devices": "auto", "processes": 1}, True, MOST_CORES),
        ({"devices": "auto", "processes": 1}, False, 64),
        ({"devices": 3, "processes": 1}, True, 3),
    ],
)
def test_a_process_alone_has_its_cores_as_devices(
    monkeypatch, train, one_program, expected
):
    made = []
    monkeypatch.setattr("jaxamp.train.cores", lambda: 64)
    monkeypatch.setattr("jaxamp.train.use_devices", made.append)
    assert joined(train, one_program=one_program) is ALONE
    assert made == [expected]


def test_processes_that_are_not_there_are_refused(tmp_path, capsys):
    said = train(capsys, tmp_path / "run", "train.processes=4")
    assert_refused(said, "train.processes=4", "there is 1", *GIVEN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.devices=64", ["this process has", "train.devices=auto"]),
        ("train.devices=0", ["whole number of 1 or more or auto"]),
        ("train.processes=few", ["whole number of 1 or more or auto"]),
    ],
)
def test_wrong_devices_and_processes_are_refused(tmp_path, capsys, override, words):
    assert jax.devices()  # there are as many now as there will ever be
    assert_refused(train(capsys, tmp_path / "run", override), *words)
    assert not (tmp_path / "run").exists()
