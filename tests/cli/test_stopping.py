"""SIGTERM is heeded in time, whatever the program is doing."""

import signal
import subprocess
import sys
import time

import pytest

BUSY = """
import hashlib, signal, time
from jaxamp.cli import stopping
stopping.GRACE_SECONDS, stopping.LAST_SECONDS = 0.2, 0.4
with stopping.watched() as watch, stopping.termination_interrupts():
    with stopping.watched() as same:
        assert same is watch
    {before}
    {busy}
print("ended", flush=True)
"""

READY = "print('busy', flush=True)"

DEAF = "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
"""Like a compiled call: Python hears nothing until it is over."""


SLOW = "signal.signal(signal.SIGTERM, lambda *_: None);"
"""A program that hears SIGTERM and does not end at once."""


def told_to_stop(number, busy, before="", times=1):
    """A process that is busy and then told to stop: status, output, complaints.

    What is busy may say so itself, where it is `READY`.
    """
    said = busy if READY in busy else f"{READY}; {busy}"
    code = BUSY.format(busy=said, before=before)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "busy\n"
        for _ in range(times):
            running.send_signal(number)
            time.sleep(0.05)
        out, err = running.communicate(timeout=20)
    return running.returncode, out, err


def test_what_cannot_hear_a_signal_is_ended_and_what_was_learned_is_kept(tmp_path):
    file = tmp_path / "kept"
    before = f"{SLOW} watch.rescue([lambda: open({str(file)!r}, 'w').write('all')])"
    status, out, err = told_to_stop(signal.SIGTERM, DEAF, before)
    assert (status, out) == (130, "")
    assert "All steps are kept but those of the call" in err
    assert "Traceback" not in err
    assert file.read_text() == "all"


def test_where_nothing_can_be_kept_the_truth_is_told():
    before = f"{SLOW} watch.rescue([lambda: 1 / 0])"
    status, _, err = told_to_stop(signal.SIGTERM, DEAF, before)
    assert status == 130
    assert "the last steps could not be kept: division by zero" in err


def test_saving_that_never_ends_is_not_waited_for():
    before = f"{SLOW} watch.rescue([lambda: {DEAF}])"
    assert told_to_stop(signal.SIGTERM, DEAF, before)[0] == 130


def test_what_hears_the_signal_ends_by_itself():
    hears = (
        f"\n    try: {READY}; time.sleep(60)"
        "\n    except KeyboardInterrupt: print('heard')"
    )
    status, out, err = told_to_stop(signal.SIGTERM, hears)
    assert (status, out, err) == (0, "heard\nended\n", "")


@pytest.mark.parametrize("times", [1, 2])
def test_the_second_interruption_ends_what_cannot_hear(times):
    before = "signal.signal(signal.SIGINT, lambda *_: None)"
    busy = DEAF if times == 2 else DEAF.replace("10**9", "10**6")
    status, out, _ = told_to_stop(signal.SIGINT, busy, before, times)
    assert (status, out) == ((0, "ended\n") if times == 1 else (130, ""))
