"""The comparison as one HTML page that opens from disk and loads nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.report.chart import scrolling
from jaxamp.report.comparison import HEADINGS, LEGEND, Row
from jaxamp.report.comparison_figure import family, interval, short
from jaxamp.report.listening import RATING
from jaxamp.report.listening import STYLES as LISTENING
from jaxamp.report.page import page, text

TITLE = "Size, speed and ESR"

LONGEST_LINK = 4000
"""Characters of an address; longer paths than systems allow are no links."""


def comparison_page(
    rows: Sequence[Row],
    figure: str,
    notes: Sequence[str],
    *,
    links: Mapping[str, str] | None = None,
    trials: Sequence[Mapping[str, Any]] = (),
    left_out: Sequence[str] = (),
    version: str = "",
) -> str:
    """The page.

    Args:
        figure: The picture as SVG, put in as it is.
        notes: Sentences about what is not in the rows.
        links: The place of a run -> its address, relative to the page.
        trials: Passages to rate, as `jaxamp.report.rating.trial` makes them.
        left_out: Sentences about what is not among them.
        version: Of the program, for the files that listeners save.
    """
    links = links or {}
    captures = {name: [] for name in dict.fromkeys(row.capture for row in rows)}
    for row in rows:
        captures[row.capture].append(row)
    sections = [
        f"<section><h2>{text(name)}</h2>\n"
        f'<div class="scatter" data-capture="{i}"></div>\n'
        f"{table(name, of_capture, links)}</section>\n"
        for i, (name, of_capture) in enumerate(captures.items())
    ]
    data = {
        "captures": [
            {"name": name, "rows": [point(row, links) for row in of_capture]}
            for name, of_capture in captures.items()
        ],
        "trials": trials,
        "about": {"version": version},
    }
    return page(
        TITLE,
        f"<main>\n<h1>{TITLE}</h1>\n{paragraphs(notes)}{''.join(sections)}"
        f"<p>{text(LEGEND)}</p>\n{listening(left_out) if trials else ''}"
        '<details class="still" open><summary>The figure as a picture</summary>'
        f'<figure class="still">{figure[figure.index("<svg") :]}</figure></details>\n'
        "</main>",
        data,
        [*(RATING if trials else ()), "comparison.js"],
        [*(LISTENING if trials else ()), "comparison.css"],
    )


def paragraphs(sentences: Sequence[str]) -> str:
    """Each as a paragraph."""
    return "".join(f"<p>{text(one)}</p>\n" for one in sentences)


def listening(left_out: Sequence[str]) -> str:
    """Where the rating test goes."""
    return (
        f"<section><h2>By ear</h2>\n{paragraphs(left_out)}"
        '<div id="rating"></div></section>\n'
    )


def point(row: Row, links: Mapping[str, str]) -> dict[str, Any]:
    """A row as `comparison.js` draws it."""
    low, high = interval(row)
    runs = sorted(row.runs, key=lambda run: run.esr)
    return {
        "model": row.model,
        "short": short(row.model).replace("\n", " "),
        "family": family(row.model),
        "parameters": row.parameters,
        "macs_per_sample": row.macs_per_sample,
        "realtime_factor": row.realtime_factor,
        "realtime_block": row.realtime_block,
        "esr": row.esr_mean,
        "half": row.esr_ci95,
        "low": low,
        "high": high,
        "best": row.esr_best,
        "front_size": row.pareto_size,
        "front_speed": row.pareto_speed,
        "runs": [
            {"seed": run.seed, "esr": run.esr, "href": links.get(run.place)}
            for run in runs
        ],
    }


def table(capture: str, rows: Sequence[Row], links: Mapping[str, str]) -> str:
    """A capture's rows; the runs that can be opened stand behind the name."""
    linked = any(run.place in links for row in rows for run in row.runs)
    first, *others = HEADINGS
    heads = [first, *(["run of seed"] if linked else []), *others]
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in heads)
    lines = []
    for row in rows:
        cells = [text(cell(row)) for cell in HEADINGS.values()]
        first, rest = cells[0], "".join(f"<td>{one}</td>" for one in cells[1:])
        runs = f'<td class="runs">{anchors(row, links)}</td>' if linked else ""
        lines.append(f'<tr><th scope="row">{first}</th>{runs}{rest}</tr>')
    body = "\n".join(lines)
    rows_of = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return scrolling(rows_of, f"Models of {capture}")


def anchors(row: Row, links: Mapping[str, str]) -> str:
    """A link to each run of a row, called after its seed."""
    return " ".join(
        f'<a href="{text(links[run.place], LONGEST_LINK)}" '
        f'aria-label="{text(row.model)}, seed {run.seed}">{run.seed}</a>'
        for run in sorted(row.runs, key=lambda run: run.seed)
        if run.place in links
    )
