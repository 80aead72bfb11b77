"""A capture plan on paper: a page to print, with a box to tick for each setting."""

from collections.abc import Sequence

import numpy as np

from jaxamp.report.page import text

STYLE = """\
body { font: 12pt sans-serif; margin: 2em auto; max-width: 46em; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: 0.25em 0.6em; text-align: right; }
td.box { font-size: 1.3em; line-height: 1; text-align: center; }
td.turn { font-weight: bold; background: #eee; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
"""

TURN = ' class="turn"'

HOW = """\
<ol>
<li>Play the same file, {dry}, into the amp for every setting, at one level; nothing \
but these knobs may be touched in between.</li>
<li>Set the knobs of the next line (those to turn are bold), record, save it under the \
name given, beside {manifest}, and tick the box.</li>
<li>Where a knob stood elsewhere than planned, write the true value here and into \
{manifest}: what counts is where it was.</li>
<li><code>jaxamp train data=knobs data.manifest={manifest}</code></li>
</ol>
"""


def worksheet(
    names: Sequence[str],
    values: np.ndarray,
    files: Sequence[str],
    *,
    dry: str,
    manifest: str,
    told: str,
) -> str:
    """The page's HTML.

    Args:
        values: `[settings, knobs]`, on the amp's face.
        told: What is to be known beforehand, a sentence or two.
    """
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    rows = "".join(row(i, values, file) for i, file in enumerate(files))
    how = HOW.format(dry=text(dry), manifest=text(manifest))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Capture plan</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
        f"<h1>Capture plan</h1>\n<p>{text(told, 2_000)}</p>\n{how}"
        f"<table><thead><tr><th>done</th><th>file</th>{head}</tr></thead><tbody>\n"
        f"{rows}</tbody></table>\n</body></html>\n"
    )


def row(i: int, values: np.ndarray, file: str) -> str:
    """One setting."""
    turned = np.ones_like(values[0]) if i == 0 else values[i] - values[i - 1]
    cells = "".join(
        f"<td{TURN if turn else ''}>{value:g}</td>"
        for value, turn in zip(values[i], turned, strict=True)
    )
    return f'<tr><td class="box">\u2610</td><td>{text(file)}</td>{cells}</tr>\n'
