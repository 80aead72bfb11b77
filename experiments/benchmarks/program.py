"""What every benchmark program does: options, cores, the peer, the report.

with program.run("training", __doc__, cores=2, cases=CASES) as bench:
    for name in bench.cases:
        bench.add(case=name, …)
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import machine
import results
from peer import Peer

PACKAGES = ("jaxamp", "jax", "jaxlib", "flax", "optax", "numpy")


@dataclasses.dataclass(frozen=True)
class Run:
    """A benchmark under way."""

    given: argparse.Namespace
    peer: Peer | None
    report: dict

    @property
    def cases(self):
        """The names of the cases asked for, in their order."""
        return self.given.cases

    def add(self, **row):
        """A row of the table, told at once."""
        self.report["rows"].append(row)
        facts = [f"{title} {results.cell(value)}" for title, value in row.items()]
        print("; ".join(facts), flush=True)

    def note(self, text):
        """A remark under the table."""
        self.report["notes"].append(text)


@contextlib.contextmanager
def run(name, doc, *, cores, cases, headline, limits=None, options=lambda _: None):
    """Options read, cores pinned, the peer started; at the end the report is kept.

    Args:
        cores: What `--cores` is by default.
        cases: Names that `--cases` may choose from.
        headline: The column that history follows.
        limits: Function that measures the machine's limits, or None.
        options: Adds the program's own options to the parser.
    """
    given = read_options(doc, cores, cases, options)
    machine.pin(given.cores)
    others = machine.Others()
    report = {
        "program": name,
        "question": doc.split("\n\n")[0].replace("\n", " "),
        "headline": headline,
        "started": machine.now(),
        "machine": machine.described(given.cores),
        "versions": versions(),
        "limits": limits() if limits else {},
        "rows": [],
        "notes": [],
    }
    with contextlib.closing(Peer(given.peer_python)) as peer:
        there = peer.versions()
        report["versions"] |= there
        if not there:
            report["notes"].append(
                "Without a peer: give its Python with --peer-python or in "
                "JAXAMP_PEER_PYTHON to measure both."
            )
        yield Run(given, peer if there else None, report)
    report["machine"]["cores_busy_with_others"] = others.cores()
    results.finish(report, given.results)


def read_options(doc, cores, cases, options):
    """The command line, with the options all programs share."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=cases, default=list(cases))
    parser.add_argument("--cores", type=int, default=cores)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--peer-python",
        type=Path,
        default=os.environ.get("JAXAMP_PEER_PYTHON"),
        help="Python of the peer's environment; default: JAXAMP_PEER_PYTHON",
    )
    parser.add_argument("--results", type=Path, default=results.FOLDER)
    options(parser)
    return parser.parse_args()


def versions():
    """What is installed here, and which state of jaxamp's sources is measured."""
    found = {package: version(package) for package in PACKAGES}
    package = Path(importlib.util.find_spec("jaxamp").origin).parent
    told = subprocess.run(
        ["git", "-C", package, "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    state = told.stdout.strip() or "commit unknown"
    return found | {"jaxamp": f"{found['jaxamp']} ({state})"}
