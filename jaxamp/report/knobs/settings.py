"""How wrong a model is setting by setting, as its run measured it at its end."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from jaxamp.report.chart import Chart, Series, number, table
from jaxamp.report.page import text

MOST = 200
"""Settings that are told of a run, which may be a stranger's."""


@dataclasses.dataclass(frozen=True)
class SettingError:
    """What was measured at one setting."""

    name: str
    knobs: Mapping[str, float]
    esr: float
    seen: bool
    """Whether the model learned from this setting."""


def measured_settings(result: Mapping[str, Any]) -> list[SettingError]:
    """Those in a run's result, the ones it learned from first, each kind by its ESR.

    None where the run wrote none, and no row that is not what a run writes.
    """
    knobs = result.get("knobs")
    rows = knobs.get("settings") if isinstance(knobs, Mapping) else None
    found = [setting(row) for row in rows[:MOST]] if isinstance(rows, list) else []
    known = [one for one in found if one is not None]
    return sorted(known, key=lambda one: (not one.seen, one.esr))


def setting(row: Any) -> SettingError | None:
    """One row of a result, which may be a stranger's."""
    if not isinstance(row, Mapping):
        return None
    esr, seen, knobs = row.get("esr"), row.get("seen"), row.get("knobs")
    if not (finite(esr) and esr >= 0 and isinstance(seen, bool)):
        return None
    places = knobs.items() if isinstance(knobs, Mapping) else ()
    stood = {str(name): float(value) for name, value in places if finite(value)}
    return SettingError(str(row.get("name", "")), stood, float(esr), seen)


def finite(value: Any) -> TypeGuard[int | float]:
    """Whether it is a number that can be told."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def section(
    settings: Sequence[SettingError], names: Sequence[str], drawn: Chart
) -> str:
    """The section's HTML: a sentence, a dot for each setting, and all in a table."""
    heads = ("no.", "ESR", "learned from", *names, "name")
    rows = [
        (
            str(i + 1),
            f"{one.esr:.4g}",
            "yes" if one.seen else "no",
            *(number(one.knobs.get(name)) for name in names),
            one.name,
        )
        for i, one in enumerate(settings)
    ]
    return (
        f"<p>{text(summary(settings))}</p>\n{drawn.html(numbers=False)}"
        f"{table(heads, rows, 'ESR of every setting')}"
    )


def summary(settings: Sequence[SettingError]) -> str:
    """How wrong it is on the average, at settings it knows and at others."""
    told = [
        f"{sum(esrs) / len(esrs):.4g} over {len(esrs)} settings {which}"
        for seen, which in (
            (True, "that the model learned from"),
            (False, "that it never heard"),
        )
        if (esrs := [one.esr for one in settings if one.seen is seen])
    ]
    unheard = (
        " Those it never heard say what it makes of a knob between and beyond the "
        "positions that it learned from."
    )
    others = any(not one.seen for one in settings)
    return f"The mean ESR is {', and '.join(told)}.{unheard * others}"


def chart(settings: Sequence[SettingError]) -> Chart:
    """A dot for each setting."""
    of = {
        label: [
            one.esr if one.seen is seen and one.esr > 0 else None for one in settings
        ]
        for label, seen in (("learned from", True), ("never heard", False))
    }
    return Chart(
        name="settingErrors",
        title="Which settings are hard",
        told="Error-to-signal ratio of each setting, those learned from and others.",
        caption=(
            "A dot is a setting; its number is that of its row in the table below. "
            "Lower is better. If those never heard lie much higher, the model needs "
            "more settings, above all around the worst of them."
        ),
        x_label="number of the setting",
        y_label="ESR",
        x=[float(i + 1) for i in range(len(settings))],
        series=[
            Series("learned from", of["learned from"], "difference", "points"),
            Series("never heard", of["never heard"], "prediction", "points"),
        ],
        y_log=True,
    )
