"""One reader under Atheris: coverage of the Python code leads the mutations.

    python experiments/017_fuzz/fuzz.py READER --folder F --runs N --seconds S

Goes on after a crash, so that one does not hide the next. What happened is in
F/READER.json after every hundred files and at the end; the bytes that crashed, each
kind once, in F/READER/.
"""

import argparse
import contextlib
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import atheris

INCLUDED = ["jaxamp"]
HUNG = 10.0


class Tally:
    """What became of all files."""

    def __init__(self, name: str, folder: Path, runs: int, seconds: float):
        self.name, self.folder, self.runs = name, folder, runs
        self.end = time.monotonic() + seconds
        self.facts: dict[str, Any] = {
            "tried": 0, "read": 0, "refused": 0, "slowest": 0.0, "hung": 0,
            "base_mb": 0.0, "peak_mb": 0.0, "crashes": {},
        }  # fmt: skip

        self.facts["base_mb"] = peak()

    def is_done(self) -> bool:
        """Whether enough has been tried."""
        return self.facts["tried"] >= self.runs or time.monotonic() > self.end

    def count(self, read: Any, data: bytes, fine: Any) -> None:
        """Tries one file."""
        facts, began = self.facts, time.monotonic()
        facts["tried"] += 1
        try:
            read()
            facts["read"] += 1
        except fine:
            facts["refused"] += 1
        except (Exception, SystemExit) as error:
            self.keep(data, error)
        seconds = time.monotonic() - began
        facts["hung"] += seconds > HUNG
        if seconds > facts["slowest"]:
            facts["slowest"] = seconds
            (self.folder / f"{self.name}.slowest").write_bytes(data)
        if facts["tried"] % 100 == 0:
            self.save()

    def save(self) -> None:
        self.facts["peak_mb"] = peak() - self.facts["base_mb"]
        (self.folder / f"{self.name}.json").write_text(json.dumps(self.facts, indent=1))

    def keep(self, data: bytes, error: BaseException) -> None:
        """A crash, known by where it happened."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/jaxamp/" in f.filename or "017" in f.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].name}"
        kind = f"{type(error).__name__} in {place}: {str(error)[:150]}"
        key = f"{type(error).__name__} in {place}"
        if key not in self.facts["crashes"]:
            crashes = self.folder / self.name
            crashes.mkdir(exist_ok=True)
            digest = hashlib.sha256(key.encode()).hexdigest()[:8]
            (crashes / digest).write_bytes(data)
            trace = "".join(traceback.format_exception(error)[-8:])
            (crashes / f"{digest}.txt").write_text(trace)
            print(f"{self.name}: {kind}", file=sys.stderr, flush=True)
        self.facts["crashes"][key] = self.facts["crashes"].get(key, 0) + 1


def peak() -> float:
    """The most memory this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=INCLUDED):
        import readers  # noqa: PLC0415

        reader = readers.READERS[given.reader]
        fine = readers.allowed()
        work = Path(tempfile.mkdtemp(dir=given.folder))
        whole = reader.seeds(work)
        for data in whole:  # imports what it needs while that is instrumented
            with contextlib.suppress(*fine):
                reader.read(data, work)
    corpus = given.folder / f"{given.reader}_corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(whole):
        (corpus / str(number)).write_bytes(data)
    tally = Tally(given.reader, given.folder, given.runs, given.seconds)

    def one(data: bytes) -> None:
        if tally.is_done():
            tally.save()
            os._exit(0)  # the only way out of a fuzzer
        tally.count(lambda: reader.read(data, work), data, fine)

    options = [
        "-rss_limit_mb=0", "-timeout=120", "-max_len=200000", "-verbosity=0",
        f"-artifact_prefix={given.folder}/", f"-seed={given.seed}",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
