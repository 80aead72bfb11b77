"""ESR against size and against speed, one line of panels for each capture."""

import io
from collections.abc import Sequence
from typing import Any

from jaxamp.report.comparison import Row

COLORS = ("#1b7f8c", "#d95f02", "#5b4b8a", "#8a8a2b", "#b0305c", "#444444")
FRONT = "#bbbbbb"

RIGHT = 0.7
"""Share of an axis after which there is no room for a name."""

WIDE = 4
"""Largest over smallest size or speed from which an axis is logarithmic."""

MOST_CAPTURES = 24
"""Drawn in one picture; a hundred would be more pixels than one can have."""

AXES = (
    ("parameters", "parameters", "pareto_size"),
    ("realtime_factor", "times faster than real time", "pareto_speed"),
)


def size_against_esr(rows: Sequence[Row], form: str) -> bytes:
    """The picture, as `png` or `svg`; the same rows give the same bytes."""
    import matplotlib  # noqa: PLC0415 (slow to import)
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    captures = list(dict.fromkeys(row.capture for row in rows))[:MOST_CAPTURES]
    families = list(dict.fromkeys(family(row.model) for row in rows))
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(families)}
    figure = Figure(figsize=(13, 5.2 * len(captures)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(captures), 2, squeeze=False)
    for line, capture in zip(panels, captures, strict=True):
        of_capture = [row for row in rows if row.capture == capture]
        for axes, (quantity, label, front) in zip(line, AXES, strict=True):
            draw(axes, of_capture, quantity, front, colors)
            axes.set(xlabel=label, ylabel="validation ESR")
            axes.set_title(capture, parse_math=False)
    legend = panels[0, 0].legend(loc="best", frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "jaxamp", "svg.fonttype": "none"}):
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(out, format=form, dpi=110, metadata=metadata)
    return out.getvalue()


def draw(
    axes: Any, rows: Sequence[Row], quantity: str, front: str, colors: dict[str, str]
) -> None:
    """One panel: a point with its interval for each model, and the Pareto front."""
    places = [getattr(row, quantity) for row in rows]
    wide = max(places) > WIDE * min(places)
    axes.set(xscale="log" if wide else "linear", yscale="log")
    axes.margins(x=0.12)
    ends = [end for row in rows for end in interval(row)]
    axes.set_ylim(min(ends) / 1.5, max(ends) * 1.5)
    last = right_of(min(places), max(places), wide)
    best = sorted((getattr(r, quantity), r.esr_mean) for r in rows if getattr(r, front))
    axes.plot(*zip(*best, strict=True), color=FRONT, lw=2.5, zorder=0)
    told = set()
    for row in rows:
        name = family(row.model)
        x, color = getattr(row, quantity), colors[name]
        low, high = interval(row)
        axes.errorbar(
            x,
            row.esr_mean,
            yerr=[[row.esr_mean - low], [high - row.esr_mean]],
            fmt="o" if getattr(row, front) else ".",
            color=color,
            capsize=3,
            label=None if name in told else name,
        )
        told.add(name)
        text = axes.annotate(
            short(row.model),
            (x, row.esr_mean),
            parse_math=False,
            xytext=(-6 if x > last else 6, 5),
            textcoords="offset points",
            ha="right" if x > last else "left",
            fontsize=8,
            color=color,
        )
        text.set_in_layout(False)  # or long names would squeeze the panels
    plain_ticks(axes.yaxis)
    if wide:
        plain_ticks(axes.xaxis)
    axes.grid(alpha=0.25, which="both")


def plain_ticks(axis: Any) -> None:
    """A logarithmic axis with 1, 2 and 5 of each decade, written out."""
    from matplotlib.ticker import (  # noqa: PLC0415 (slow to import)
        LogLocator,
        NullFormatter,
        StrMethodFormatter,
    )

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def interval(row: Row) -> tuple[float, float]:
    """Where a row's interval ends; zero is nowhere on a logarithmic axis."""
    half = row.esr_ci95 or 0.0
    return max(row.esr_mean - half, 0.1 * row.esr_mean), row.esr_mean + half


def right_of(low: float, high: float, wide: bool) -> float:
    """Where the right part of an axis begins; its names stand left of points."""
    if wide:
        return low * (high / low) ** RIGHT
    return low + RIGHT * (high - low)


def short(model: str) -> str:
    """A row's name beside its point: without family, each setting's last word."""
    name, *settings = model.split(" ")
    lines = [
        setting.partition("=")[0].rpartition(".")[2] + "=" + setting.partition("=")[2]
        if "=" in setting
        else setting
        for setting in settings
    ]
    return "\n".join([name.partition("/")[2] or name, *lines])


def family(model: str) -> str:
    """The architecture in a model's name: wavenet/nano -> wavenet."""
    return model.partition("/")[0].partition(" ")[0]
