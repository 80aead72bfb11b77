"""`jaxamp info MODEL`: what a model is, what it costs, and what it says of itself."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.main import keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.core import parameter_count
from jaxamp.core.cloud import fetched
from jaxamp.formats import players
from jaxamp.formats.nam import shares
from jaxamp.loading import Loaded, load_described, metadata
from jaxamp.models import build

LONGEST_NAME = 40
"""Letters of a name in a stranger's metadata."""

FACTS = (
    "architecture",
    "parameters",
    "macs_per_sample",
    "receptive_field",
    "sample_rate",
    "hyperparameters",
)


def run(arguments: Sequence[str]) -> int:
    """Describes; returns the exit status."""
    parser = argparse.ArgumentParser("jaxamp info", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--loudness-input", help="measure loudness and gain with this one-second file"
    )
    add_size(parser)
    given = parser.parse_args(arguments)
    path = fetched(given.model)
    facts = noted(path) if given.size is None else None
    if facts is None:
        facts = described(load_described(path, size=given.size))
    facts |= {"sizes": sizes(path), "players": who_plays(facts)}
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
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        facts = {name: result[name] for name in FACTS}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not finished, or no run: whoever loads it will say
    milliseconds = 1000 * facts["receptive_field"] / facts["sample_rate"]
    return facts | {
        "receptive_field_ms": milliseconds,
        "controls": facts["hyperparameters"].get("controls", []),
        "metadata": metadata(folder),
    }


def sizes(path: Path) -> list[float]:
    """Below which `--size` each size of a model is taken, in order."""
    limits = path / "sizes.json"
    if limits.is_file():
        return list(json.loads(limits.read_text()).values())
    return shares(path) if path.suffix.lower() == ".nam" else [1.0]


def who_plays(facts: dict[str, Any]) -> dict[str, str]:
    """Player -> yes or no, and why."""
    return players(build(facts["architecture"], facts["hyperparameters"]))


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
        rows["controls"] = ", ".join(facts["controls"])
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
        for name, value in words.items():
            label = f"{which}{json.dumps(name)[1:-1][:LONGEST_NAME]}"
            own = f"metadata {label}" if label in rows else label
            rows[own] = json.dumps(value)
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
