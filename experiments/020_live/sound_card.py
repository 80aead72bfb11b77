"""A sound card of software: JACK's dummy driver, a guitar that is a file, a microphone.

`server` runs jackd by itself, so nothing of the computer's own sound is touched.
"""

import os
import subprocess
import time
from contextlib import contextmanager

import jack
import numpy as np

LIVE = "PortAudio"
"""What PortAudio calls itself in JACK."""


@contextmanager
def server(rate, period, *, realtime=True):
    """A JACK server of its own name, which processes of this one find."""
    name = f"jaxamp{os.getpid()}"
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "--name", name, "-R" if realtime else "-r"]
    command += ["-d", "dummy", "-r", str(rate), "-p", str(period)]
    # Its messages go nowhere: it stops where nobody reads them from a pipe.
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as process:
        try:
            wait_for(lambda: reachable(name), 10)
            yield name
        finally:
            process.terminate()


def reachable(name):
    try:
        jack.Client("probe", servername=name, no_start_server=True).close()
    except jack.JackOpenError:
        return False
    return True


def wait_for(condition, seconds):
    """Until it is true; raises where that takes too long."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds} s for {condition}")
        time.sleep(0.02)


def connect(client, source, destination):
    """A cable between two ports, once both are there and ready."""

    def connected():
        try:
            client.connect(source, destination)
        except jack.JackError:
            return False
        return True

    wait_for(connected, 120)


class Card:
    """Plays `audio` [t] into whatever plays live, once, and keeps what comes back."""

    def __init__(self, server, audio):
        self.audio, self.heard = audio, np.full(len(audio), 0, np.float32)
        self.at, self.plugged, self.xruns = 0, False, 0
        self.client = jack.Client("card", servername=server, no_start_server=True)
        self.guitar = self.client.outports.register("guitar")
        self.ear = self.client.inports.register("ear")
        self.client.set_process_callback(self.process)
        self.client.set_xrun_callback(self.count)

    def __enter__(self):
        self.client.activate()
        return self

    def __exit__(self, *error):
        self.client.deactivate()
        self.client.close()

    def count(self, microseconds):
        self.xruns += 1

    def process(self, frames):
        end = min(self.at + frames, len(self.audio))
        count = end - self.at if self.plugged else 0
        out = self.guitar.get_array()
        out[count:] = 0
        out[:count] = self.audio[self.at : self.at + count]
        self.heard[self.at : self.at + count] = self.ear.get_array()[:count]
        self.at += count

    def plug(self):
        """Connects both ways with the program that plays live, once it is there."""
        connect(self.client, self.guitar, f"{LIVE}:in_0")
        connect(self.client, f"{LIVE}:out_0", self.ear)
        time.sleep(1.5)
        self.xruns, self.plugged = 0, True
