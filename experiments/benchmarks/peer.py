"""Talks to the peer, which lives in a process and an environment of its own.

One JSON line asks, one JSON line answers, and nobody computes meanwhile on this side.
"""

import json
import subprocess
from pathlib import Path

WORKER = Path(__file__).parent / "peer_worker.py"


class Peer:
    """The peer's process; without a Python to run it, it has no versions."""

    def __init__(self, python):
        self.process = None
        if python:
            self.process = subprocess.Popen(
                [str(python), str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def versions(self):
        """What is installed there, by package."""
        return self.ask(do="versions") if self.process else {}

    def prepare(self, kind, **task):
        """Gets a task ready; what it answers is a fact or two about it."""
        return self.ask(do="prepare", kind=kind, task=task)

    def run(self, units):
        """Does so many units of the prepared task; the seconds it took, or a list."""
        return self.ask(do="run", units=units)["seconds"]

    def peak_mib(self):
        """The most memory the peer's process ever held."""
        return self.ask(do="peak")["mib"]

    def ask(self, **request):
        """One question and its answer."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(
                f"The peer ended with status {self.process.wait()} on {request}; its "
                "words are above."
            )
        return json.loads(line)

    def close(self):
        """Ends the process."""
        if self.process:
            self.process.stdin.close()
            self.process.wait()
