"""What was found in the recordings, in words, out of a run's `capture.json`.

The file may be a stranger's: what is not as a run writes it is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core.small_files import NOT_OURS
from jaxamp.report.chart import facts
from jaxamp.report.page import text

MEASURED = {
    "polarity": ("polarity", "{:+d} (-1 is upside down, and kept)"),
    "clock drift": ("drift_samples", "{:.1f} samples from beginning to end"),
    "same passage, played twice": (
        "replicate_esr",
        "ESR {:.2g} between the two; no model can be expected to do better",
    ),
    "noise floor": ("noise_dbfs", "{:.0f} dBFS"),
    "hum": ("hum_dbfs", "{:.0f} dBFS"),
    "shut off by a gate": ("shut_seconds", "for {:.1f} s while the input plays"),
    "loudest sample": ("peak_dbfs", "{:.1f} dBFS"),
}
"""name -> what was measured, and how it is said"""

MOST_PAIRS, MOST_FOUND = 20, 50
"""Told of one run."""


def checks(findings: Mapping[str, Any] | None) -> str:
    """The section's HTML."""
    if findings is None:
        return (
            "<p>The recordings were given by hand. They have one sample rate and are "
            "not silent; all else <code>jaxamp check</code> looks at.</p>\n"
        )
    pairs = findings.get("pairs")
    if not isinstance(pairs, list):
        return demo(findings)
    return "".join(one_pair(pair) for pair in pairs[:MOST_PAIRS])


def demo(findings: Mapping[str, Any]) -> str:
    """Of a recording that nobody recorded."""
    if isinstance(findings.get("virtual_amp"), Mapping):
        return (
            "<p>This amp is an equation, the project's own simulated amp with knobs. "
            "Nothing was recorded, so there is no noise, no delay and no clock to "
            "check.</p>\n"
        )
    knobs = findings.get("knobs")
    told = knobs.items() if isinstance(knobs, Mapping) else ()
    at = ", ".join(f"{name} {value}" for name, value in told)
    return (
        "<p>This amp is an equation, the project's own simulated tube stage"
        f"{text(f', with {at}') if at else ''}. Nothing was recorded, so there is no "
        "noise, no delay and no clock to check.</p>\n"
    )


def one_pair(pair: Any) -> str:
    """Of one pair of files: what was measured, and what was found."""
    try:
        title = f"{pair['target']['file']}, answering {pair['input']['file']}"
        record = pair.get("checks") or {}
        rows = delay(pair) | dict(measured(record.get("measured") or {}))
        found = [one for one in record.get("found", ()) if isinstance(one, Mapping)]
        verdict = judged(record, found)
    except NOT_OURS:
        return "<p>A pair of recordings is described in a way that is not ours.</p>\n"
    return (
        f"<h3>{text(title)}</h3>\n<p>{text(verdict)}</p>\n"
        + findings_list(found)
        + (facts(rows, "Measured in the recording") if rows else "")
    )


def delay(pair: Mapping[str, Any]) -> dict[str, str]:
    """What was measured of the delay, and what was taken out."""
    told = pair.get("delay")
    if not isinstance(told, Mapping) or "applied" not in told:
        return {}
    found = told.get("samples")
    how = "as given" if found is None else f"of {found} measured"
    return {"delay": f"{told['applied']} samples taken out, {how}"}


def judged(record: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    """What the findings come to."""
    if not record:
        return "Played by another model, sample for sample; there is nothing to check."
    serious = [one for one in found if one.get("severity") != "note"]
    if not serious:
        return "Every check passed."
    waived = sum(bool(one.get("waived")) for one in serious)
    told = f"{len(serious)} of the checks found something"
    return f"{told}, {waived} of them waived by name." if waived else f"{told}."


def findings_list(found: Sequence[Mapping[str, Any]]) -> str:
    """Each finding with its severity."""
    if not found:
        return ""
    items = [
        f"<li><strong>{text(one.get('severity', ''))}</strong>: "
        f"{text(one.get('message', ''), 2_000)}</li>"
        for one in found[:MOST_FOUND]
    ]
    return f"<ul>{''.join(items)}</ul>\n"


def measured(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of what was measured, as far as it was."""
    rows = []
    for name, (key, words) in MEASURED.items():
        value = values.get(key)
        if value is None or isinstance(value, bool):
            continue
        try:
            rows.append((name, words.format(value)))
        except (ValueError, TypeError):
            continue
    return rows
