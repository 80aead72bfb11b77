"""The comparison as one HTML page that opens from disk and loads nothing."""

import html
from collections.abc import Sequence

from jaxamp.report.comparison import HEADINGS, LEGEND, Row

STYLE = """
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-weight: 600 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
thead th { border-bottom: 2px solid }
tbody tr:nth-child(even) { background: rgb(128 128 128 / 12%) }
figure { margin: 1.5rem 0; background: white }
figure svg { width: 100%; height: auto }
"""


def comparison_page(rows: Sequence[Row], figure: str, notes: Sequence[str]) -> str:
    """The page.

    Args:
        figure: The picture as SVG, put in as it is.
        notes: Sentences about what is not in the rows.
    """
    captures = dict.fromkeys(row.capture for row in rows)
    tables = [
        f"<h2>{html.escape(capture)}</h2>\n"
        + table([row for row in rows if row.capture == capture])
        for capture in captures
    ]
    told = "".join(f"<p>{html.escape(note)}</p>\n" for note in notes)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Size, speed and ESR</title>\n<style>{STYLE}</style>\n"
        "<h1>Size, speed and ESR</h1>\n"
        f"{told}<figure>{figure[figure.index('<svg') :]}</figure>\n"
        f"{''.join(tables)}<p>{html.escape(LEGEND)}</p>\n</html>\n"
    )


def table(rows: Sequence[Row]) -> str:
    """One capture's rows."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in HEADINGS)
    lines = []
    for row in rows:
        cells = [html.escape(cell(row)) for cell in HEADINGS.values()]
        first, rest = cells[0], "".join(f"<td>{one}</td>" for one in cells[1:])
        lines.append(f'<tr><th scope="row">{first}</th>{rest}</tr>')
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )
