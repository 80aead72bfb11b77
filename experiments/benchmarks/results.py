"""What a benchmark found: a table on the screen, and a line in its history.

`results/PROGRAM.jsonl` has one line for each run, oldest first; nothing is overwritten.
"""

import json
import os
import tempfile
from pathlib import Path

import machine

FOLDER = Path(__file__).parent / "results"

QUIET_CORES = 0.1
"""Cores that other programs may keep busy during a run whose verdicts count."""


def at_least(value, aim, unit=""):
    """The columns that say what was wanted and whether it was reached."""
    return judged(value, f"≥ {aim:g}{unit}", lambda: value >= aim)


def at_most(value, aim, unit=""):
    """The same where less is better."""
    return judged(value, f"≤ {aim:g}{unit}", lambda: value <= aim)


def judged(value, aim, reached):
    met = "not measured" if value is None else "yes" if reached() else "no"
    return {"aim": aim, "met": met}


def all_aims(*columns):
    """Several aims of one row as one: met where all are."""
    if not columns:
        return {"aim": None, "met": None}
    verdicts = {column["met"] for column in columns}
    order = ("no", "not measured", "yes")
    met = next(verdict for verdict in order if verdict in verdicts)
    return {"aim": ", ".join(column["aim"] for column in columns), "met": met}


def finish(report, folder):
    """Prints the table and appends the report to the program's history."""
    report["finished"] = machine.now()
    report["machine"]["load_after"] = machine.load()
    distrust_if_disturbed(report)
    print("\n" + page_of_text(report))
    folder.mkdir(parents=True, exist_ok=True)
    append(folder / f"{report['program']}.jsonl", report)


def distrust_if_disturbed(report):
    """Takes every verdict back where other programs used the cores, too.

    A disturbed ratio says nothing: PyTorch's threads wait for each other, and with one
    of two cores taken its step of A1 nano went from 0.3 s to 8.7 s, jaxamp's from 0.06
    to 0.11.
    """
    others = report["machine"]["cores_busy_with_others"]
    if others is None or others <= QUIET_CORES:
        return
    report["notes"].insert(
        0,
        f"Disturbed: other programs kept {others:.2f} cores busy, {QUIET_CORES} are "
        "allowed. No verdict; measure again on a quiet machine.",
    )
    for row in report["rows"]:
        if row.get("met") in ("yes", "no"):
            row["met"] = "disturbed"


def append(file, report):
    """Adds one line; the file is replaced whole, so a crash leaves the old one."""
    before = file.read_text() if file.exists() else ""
    line = json.dumps(report, ensure_ascii=False, allow_nan=False)
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, delete=False, suffix=".part"
    ) as part:
        part.write(f"{before}{line}\n")
    os.replace(part.name, file)


def history(file):
    """All runs of a program, oldest first."""
    return [json.loads(line) for line in file.read_text().splitlines() if line]


def page_of_text(report):
    """The report as Markdown: question, circumstances, table, remarks."""
    parts = [report["question"], circumstances(report), table(report["rows"])]
    parts += [f"- {note}" for note in report["notes"]]
    return "\n".join(parts)


def circumstances(report):
    """One paragraph: machine, load, versions, limits."""
    on = report["machine"]
    before, after = (on[key][0] for key in ("load_before", "load_after"))
    versions = [f"{name} {number}" for name, number in report["versions"].items()]
    limits = [f"{name} {value:.1f}" for name, value in report["limits"].items()]
    return (
        f"{on['processor']}, {on['cores']} of {on['cores_in_the_machine']} cores, "
        f"load {before} before and {after} after, other programs kept "
        f"{cell(on.get('cores_busy_with_others'))} cores busy; {', '.join(versions)}"
        + (f"; limits: {', '.join(limits)}" if limits else "")
        + "\n"
    )


def table(rows):
    """Rows of the same columns as a Markdown table, aligned for the eye."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    cells = [titles] + [[cell(row.get(title)) for title in titles] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(w) for text, w in zip(line, widths, strict=True))
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths))
    return "\n".join(f"{line} |" for line in lines).replace("- |", "-|")


def cell(value):
    """A value as text: three significant digits, or the word itself."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
