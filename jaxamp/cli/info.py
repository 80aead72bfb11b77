"""`jaxamp info MODEL`: what a model is, what it costs, and what it says of itself."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from jaxamp.cli.labels import loudness_input
from jaxamp.core import parameter_count
from jaxamp.formats.nam import loudness_and_gain
from jaxamp.loading import Loaded, load_described


def run(arguments: Sequence[str]) -> int:
    """Describes; returns the exit status."""
    parser = argparse.ArgumentParser("jaxamp info", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--loudness-input", help="measure loudness and gain with this one-second file"
    )
    given = parser.parse_args(arguments)
    loaded = load_described(given.model)
    facts = described(loaded)
    if given.loudness_input:
        signal = loudness_input(given.loudness_input, loaded.model.sample_rate)
        measured = loudness_and_gain(loaded.model, loaded.params, signal)
        facts["measured"] = measured._asdict()
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
        "hyperparameters": dict(model.hyperparameters),
        "metadata": dict(loaded.metadata),
    }


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
    for name, value in {**facts["metadata"], **facts.get("measured", {})}.items():
        rows[name] = json.dumps(value)
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
