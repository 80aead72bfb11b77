"""`jaxamp info MODEL`: what a model is, what it costs, and what it says of itself."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.main import keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.core import ConfigError, FormatError, parameter_count
from jaxamp.core.cloud import fetched
from jaxamp.core.shown import shown
from jaxamp.core.small_files import NOT_OURS, small_json
from jaxamp.formats import players
from jaxamp.formats.nam import shares
from jaxamp.loading import Loaded, load_described, metadata, size_limits
from jaxamp.models import build, moving_macs

LONGEST_NAME, LONGEST_VALUE = 40, 1_000
"""Letters of a name and of a value in a stranger's metadata; --json has them whole."""

MOST_WORDS = 100
"""Of a stranger's metadata in the table."""

FACTS = (
    "architecture",
    "parameters",
    "macs_per_sample",
    "receptive_field",
    "sample_rate",
    "hyperparameters",
)


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp info", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--loudness-input", help="measure loudness and gain with this one-second file"
    )
    add_size(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Describes; returns the exit status."""
    given = parser().parse_args(arguments)
    path = fetched(given.model)
    facts = noted(path) if given.size is None else None
    if facts is None:
        facts = described(load_described(path, size=given.size))
    model = build(facts["architecture"], facts["hyperparameters"])
    facts |= {"sizes": sizes(path), "players": players(model)}
    if "conditioning" in model.hyperparameters:
        facts["macs_of_moving_knobs"] = moving_macs(model)
    if given.loudness_input:
        facts["measured"] = measured(path, given.size, given.loudness_input)
    print(json.dumps(facts, indent=2) if given.json else table(facts))
    return 0


def described(loaded: Loaded) -> dict[str, Any]:
    """The facts, JSON-able."""
    model = loaded.model
    return {
        "architecture": model.architecture,
        "parameters": parameter_count(loaded.params),
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
        "receptive_field_ms": 1000 * model.receptive_field / model.sample_rate,
        "sample_rate": model.sample_rate,
        "controls": list(model.controls),
        "hyperparameters": dict(model.hyperparameters),
        "metadata": dict(loaded.metadata),
    }


def noted(folder: Path) -> dict[str, Any] | None:
    """The facts as a finished run wrote them down, so that no checkpoint is read."""
    try:
        result = small_json(folder / "result.json")
        facts = {name: result[name] for name in FACTS}
        options = facts["hyperparameters"]
        model = build(facts["architecture"], options)
        if facts["sample_rate"] != model.sample_rate:
            raise ValueError("it describes another model than it names")
        counted = ("macs_per_sample", "receptive_field")
        facts |= {name: getattr(model, name) for name in counted}
        if not isinstance(facts["parameters"], int):
            raise TypeError("parameters are counted")
    except (*NOT_OURS, ConfigError, FormatError):
        return None  # not finished, or no run: whoever loads it will say
    return facts | {
        "receptive_field_ms": 1000 * model.receptive_field / model.sample_rate,
        "controls": list(model.controls),
        "metadata": metadata(folder),
    }


def sizes(path: Path) -> list[float]:
    """Below which `--size` each size of a model is taken, in order."""
    if path.is_dir():
        return list(size_limits(path).values()) or [1.0]
    return shares(path) if path.suffix.lower() == ".nam" else [1.0]


def measured(model: Path, size: float | None, path: str) -> dict[str, float]:
    """How loud the model answers a given second of sound."""
    # Playing needs JAX, which describing does not, and it is slow to import.
    from jaxamp.cli.labels import loudness_input  # noqa: PLC0415
    from jaxamp.formats.nam.loudness import loudness_and_gain  # noqa: PLC0415

    keep_compiled()
    loaded = load_described(model, size=size)
    signal = loudness_input(path, loaded.model.sample_rate)
    return loudness_and_gain(loaded.model, loaded.params, signal)._asdict()


def table(facts: dict[str, Any]) -> str:
    """The facts for people; control characters of strangers' texts are shown."""
    rows = {
        "architecture": facts["architecture"],
        "parameters": f"{facts['parameters']:,}",
        "multiply-adds a sample": f"{facts['macs_per_sample']:,}",
        "receptive field": f"{facts['receptive_field']:,} samples, "
        f"{facts['receptive_field_ms']:.2f} ms",
        "sample rate": f"{facts['sample_rate']} Hz",
    }
    if facts["controls"]:
        rows["controls"] = shown(", ".join(facts["controls"]), LONGEST_VALUE)
    if "macs_of_moving_knobs" in facts:
        kind = facts["hyperparameters"]["conditioning"]["kind"]
        more = facts["macs_of_moving_knobs"]
        rows["heard by"] = f"{kind}, {more:,} multiply-adds a sample more as they move"
    if len(facts["sizes"]) > 1:
        rows["sizes"] = "--size below " + ", ".join(f"{s:.3g}" for s in facts["sizes"])
    verdicts = facts["players"].items()
    able = [name for name, said in verdicts if said.startswith("yes")]
    rows["played by"] = ", ".join(able) or "none of the players known here"
    if len(able) < len(verdicts):
        others = ", ".join(name for name, _ in verdicts if name not in able)
        rows["not by"] = f"{others} (--json says why)"
    told = [("", facts["metadata"]), ("measured ", facts.get("measured", {}))]
    for which, words in told:
        for name, value in list(words.items())[:MOST_WORDS]:
            label = f"{which}{json.dumps(name)[1:-1][:LONGEST_NAME]}"
            own = f"metadata {label}" if label in rows else label
            rows[own] = shown(json.dumps(value), LONGEST_VALUE)
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
