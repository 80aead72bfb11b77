"""Runs every benchmark, one after the other, and renders the page.

    python experiments/benchmarks/run_all.py --peer-python PEER/bin/python

A program that fails is told of at the end; the others run all the same. With
`--only training blocks` it runs just those.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import page
import results

PROGRAMS = (
    "limits",
    "training",
    "offline",
    "blocks",
    "growth",
    "startup",
    "population",
    "devices",
    "gpu",
)
CPU_PROGRAMS = PROGRAMS[:-1]


def main():
    given = read_options()
    failed = [name for name in given.only if not succeeded(name, given)]
    target = page.write(given.results)
    print(f"The page is {target}")
    if failed:
        raise SystemExit(f"These failed, their messages are above: {', '.join(failed)}")


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=CPU_PROGRAMS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-python", default=os.environ.get("JAXAMP_PEER_PYTHON"))
    parser.add_argument("--results", type=Path, default=results.FOLDER)
    return parser.parse_args()


def succeeded(name, given):
    """Runs one program; whether it ended well."""
    print(f"\n# {name}", flush=True)
    command = [sys.executable, str(Path(__file__).parent / f"{name}.py")]
    command += ["--rounds", str(given.rounds), "--results", str(given.results)]
    if given.peer_python:
        command += ["--peer-python", given.peer_python]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    main()
