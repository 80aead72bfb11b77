"""A chart of a page: drawn by a script, and the same numbers as a table in words.

What is drawn comes as numbers in the page's data; the figure that stands for it has a
title, a sentence for those who do not see it, and a caption that says how to read it.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jaxamp.report.page import text

MOST_ROWS = 48
"""Of a chart's table; of more points one in so many is told."""

Numbers = Sequence[float | None]


@dataclasses.dataclass(frozen=True)
class Series:
    """One line or cloud of points."""

    label: str
    values: Numbers
    """As many as the chart has places; None where there is nothing."""
    color: str
    """The name of one of the page's colours: `target`, `prediction` …"""
    style: Literal["line", "points", "both", "dashes", "dots"] = "line"


@dataclasses.dataclass(frozen=True)
class Chart:
    """What a figure shows."""

    name: str
    """Unique in its page, letters only."""
    title: str
    told: str
    """What is to be seen, for those who do not see it."""
    caption: str
    """How to read it."""
    x_label: str
    y_label: str
    x: Numbers
    """Ascending."""
    series: Sequence[Series]
    x_log: bool = False
    y_log: bool = False
    square: bool = False
    x_ticks: Sequence[float] | None = None
    """Where the axis has numbers; wherever they fit unless given."""
    y_range: tuple[float, float] | None = None
    """What the axis holds, for what is redrawn; what is there to be seen by default."""

    def data(self) -> dict[str, Any]:
        """What the script draws it from."""
        return {
            "x": rounded(self.x),
            "x_label": self.x_label,
            "y_label": self.y_label,
            "x_log": self.x_log,
            "y_log": self.y_log,
            "square": self.square,
            "x_ticks": self.x_ticks,
            "y_range": self.y_range and rounded(self.y_range),
            "series": [
                dataclasses.asdict(one) | {"values": rounded(one.values)}
                for one in self.series
            ],
        }

    def html(self, *, numbers: bool = True) -> str:
        """The figure: an empty place, its caption, and the numbers as a table.

        Args:
            numbers: False where the page has them elsewhere.
        """
        heads = [self.x_label, *(one.label for one in self.series)]
        columns = [self.x, *(one.values for one in self.series)]
        step = max(1, -(-len(self.x) // MOST_ROWS))
        rows = [
            [number(value) for value in row]
            for row in list(zip(*columns, strict=True))[::step]
        ]
        every = f", one row in {step}" * (step > 1)
        details = (
            f"<details><summary>The numbers{every}</summary>"
            f"{table(heads, rows, self.title)}</details>"
        )
        return (
            f"<figure><h3>{text(self.title)}</h3>"
            f'<div class="chart" data-chart="{text(self.name)}" role="img" '
            f'aria-label="{text(self.told)}"></div>'
            f"<figcaption>{text(self.caption, 2_000)}</figcaption>"
            f"{details * numbers}</figure>\n"
        )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Rows of words; the first of each is its name."""
    head = "".join(f'<th scope="col">{text(one)}</th>' for one in heads)
    lines = [
        f'<tr><th scope="row">{text(first)}</th>'
        + "".join(f"<td>{text(one)}</td>" for one in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    body = "\n".join(lines)
    return scrolling(f"<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody>", caption)


def scrolling(rows: str, caption: str) -> str:
    """A table's HTML in a box that the arrow keys move where it is too wide."""
    name = text(caption)
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{name}">'
        f'<table><caption class="unseen">{name}</caption>{rows}</table></div>\n'
    )


def facts(rows: Mapping[str, str], caption: str) -> str:
    """Names and what is said about each, as a table of two columns."""
    lines = [
        f'<tr><th scope="row">{text(name)}</th>'
        f'<td class="words">{text(said, 2_000)}</td></tr>'
        for name, said in rows.items()
    ]
    body = "\n".join(lines)
    return scrolling(f"<tbody>\n{body}</tbody>", caption)


def number(value: float | None) -> str:
    """A number for people."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == round(value) and abs(value) < 1e6:
        return f"{round(value):,}"
    return f"{value:.4g}"


def rounded(values: Numbers) -> list[float | None]:
    """To six digits, which is finer than a pixel."""
    return [None if value is None else float(f"{value:.6g}") for value in values]
