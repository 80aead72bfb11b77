"""`jaxamp export RUN OUT`: writes a model as the file a player reads."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.main import keep_compiled
from jaxamp.core import ConfigError
from jaxamp.formats import FORMATS, find, write
from jaxamp.formats.labels import left_out
from jaxamp.formats.nam import write_container
from jaxamp.loading import load_described


def run(arguments: Sequence[str]) -> int:
    """Exports; returns the exit status."""
    parser = argparse.ArgumentParser("jaxamp export", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("output", help="file to write; its suffix picks the format")
    writable = [name for name, row in FORMATS.items() if row.write is not None]
    parser.add_argument(
        "--format",
        help=f"whatever the suffix says, one of: {', '.join(writable)}",
    )
    given = parser.parse_args(arguments)
    keep_compiled()
    output, sizes = Path(given.output), Path(given.model) / "sizes.json"
    if sizes.is_file():
        export_sizes(Path(given.model), output, given.format)
    else:
        loaded = load_described(given.model)
        labels = relabelled(loaded.metadata, output, given.format)
        write(
            output,
            loaded.model,
            loaded.params,
            metadata=labels,
            format=given.format,
        )
    print(f"{output} written.")
    return 0


def relabelled(
    metadata: Mapping[str, Any], output: Path, format: str | None
) -> dict[str, Any]:
    """What was noted, in the words of the file to write; says what has none."""
    labels = find(output, format, "write").words(metadata)
    lost = left_out(metadata, labels)
    if lost:
        print(
            f"jaxamp: {output} has no words for {', '.join(map(ascii, lost))}; left "
            "out.",
            file=sys.stderr,
        )
    return labels


def export_sizes(run: Path, output: Path, format: str | None) -> None:
    """A run of several sizes leaves the house as one container."""
    if find(output, format, "write") is not FORMATS["nam"]:
        raise ConfigError(
            f"{str(run)!r} holds several sizes, which only .nam files can hold "
            f"together. Export one of them: {run}/SIZE."
        )
    parts = []
    for name, max_value in json.loads((run / "sizes.json").read_text()).items():
        loaded = load_described(run / name)
        parts.append((max_value, loaded.model, loaded.params))
    write_container(output, parts, load_described(run).metadata)
