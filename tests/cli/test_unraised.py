"""What is raised in a callback is not lost, nor told where nobody waits for it."""

import subprocess
import sys

import pytest

CALLBACK = """
import signal, time, weakref
from jaxamp.cli import stopping, unraised

class Thing:
    pass

def callback(reference):
    {raises}

with unraised.heard(), stopping.termination_interrupts():
    thing = Thing()
    watcher = weakref.ref(thing, callback)
    try:
        del thing
        time.sleep({seconds})
        print("slept")
    except KeyboardInterrupt:
        print("heard")
"""


def ran(raises, seconds):
    """What a program prints and complains of in whose callback something is raised."""
    code = CALLBACK.format(raises=raises, seconds=seconds)
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return made.stdout, made.stderr


def test_a_signal_within_a_callback_that_may_not_fail_is_heard_after_it():
    assert ran("signal.raise_signal(signal.SIGTERM)", 20) == ("heard\n", "")


@pytest.mark.parametrize(
    ("message", "told"), [("Event loop is closed", False), ("it is on fire", True)]
)
def test_only_an_answer_that_comes_too_late_is_not_told(message, told):
    out, err = ran(f"raise RuntimeError({message!r})", 0)
    assert out == "slept\n"
    assert (message in err) == told
