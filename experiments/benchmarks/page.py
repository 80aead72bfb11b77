"""One page of all benchmarks: the newest number of each case, and its history.

    python experiments/benchmarks/page.py [RESULTS]

The page is one HTML file that needs nothing else; every text in it is escaped.
"""

import sys
from html import escape
from pathlib import Path

import results

WIDTH, HEIGHT, MARGIN = 160, 28, 4
"""Of a history's line, in pixels."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem;
  padding: 0 1rem; color: #222; background: #fff; }
h2 { margin-top: 3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; font-size: 13px; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
td.yes { color: #17692c; font-weight: 600; } td.no { color: #a32020; font-weight: 600; }
p.small, li { color: #555; font-size: 13px; }
polyline { fill: none; stroke: #36c; stroke-width: 1.5; } circle { fill: #36c; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #161616; } th, td { border-color: #444; }
  p.small, li { color: #aaa; } td.yes { color: #6c6; } td.no { color: #f77; }
  polyline { stroke: #8af; } circle { fill: #8af; } }
"""


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else results.FOLDER
    print(write(folder))


def write(folder):
    """Renders the histories of a folder into its index.html; answers the path."""
    histories = [results.history(file) for file in sorted(folder.glob("*.jsonl"))]
    sections = [section(runs) for runs in histories if runs]
    target = folder / "index.html"
    target.write_text(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        '<meta name=viewport content="width=device-width">\n'
        f"<title>jaxamp: benchmarks</title>\n<style>{STYLE}</style>\n"
        "<h1>How fast jaxamp is</h1>\n"
        "<p>The newest measurement of every case. A history's line shows the column "
        "named above it over all runs, oldest at the left.</p>\n" + "\n".join(sections),
        encoding="utf-8",
    )
    return target


def section(runs):
    """One program: question, newest rows, circumstances, remarks."""
    newest = runs[-1]
    rows = newest_rows(runs)
    titles = list(dict.fromkeys(title for row, _ in rows for title in row))
    head = "".join(
        f"<th>{escape(title)}"
        for title in [*titles, "measured", f"history of {newest['headline']}"]
    )
    body = "\n".join(row_of(row, run, titles, runs) for row, run in rows)
    notes = "".join(f"<li>{escape(note)}" for note in newest["notes"])
    return (
        f"<h2>{escape(newest['program'])}</h2>\n<p>{escape(newest['question'])}</p>\n"
        f"<div class=scroll><table>\n<tr>{head}\n{body}\n</table></div>\n"
        f"<p class=small>Newest run: {escape(results.circumstances(newest))}</p>\n"
        f"<ul>{notes}</ul>"
    )


def newest_rows(runs):
    """The newest row of each case, with the run it comes from."""
    found = {}
    for run in runs:
        for row in run["rows"]:
            found[row["case"]] = (row, run)
    return list(found.values())


def row_of(row, run, titles, runs):
    """One line of a table."""
    cells = "".join(
        f'<td class="{escape(str(row.get("met")))}">{escape(shown(row, title))}'
        if title == "met"
        else f"<td>{escape(shown(row, title))}"
        for title in titles
    )
    line = sparkline(history(runs, row["case"]))
    return f"<tr>{cells}<td>{escape(run['started'][:16])}<td>{line}"


def shown(row, title):
    return results.cell(row.get(title))


def history(runs, case):
    """The headline of one case in every run that has it, oldest first."""
    return [
        row[run["headline"]]
        for run in runs
        for row in run["rows"]
        if row["case"] == case and isinstance(row.get(run["headline"]), int | float)
    ]


def sparkline(values):
    """Numbers as a small line, from zero to the largest."""
    if not values:
        return ""
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    scale = (HEIGHT - 2 * MARGIN) / (max(values) or 1)
    points = [
        (MARGIN + index * step, HEIGHT - MARGIN - max(value, 0) * scale)
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    label = escape(", ".join(results.cell(value) for value in values), quote=True)
    return (
        f'<svg width={WIDTH} height={HEIGHT} role=img aria-label="{label}">'
        f'<title>{label}</title><polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )


if __name__ == "__main__":
    main()
