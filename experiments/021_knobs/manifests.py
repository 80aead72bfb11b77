"""Manifests of recordings with knobs that cannot be shipped.

    JAXAMP_DATA=recordings python experiments/021_knobs/manifests.py FOLDER

Writes FOLDER/amp.yaml, 18 settings of a simulated amp of 15 s each, and
FOLDER/jvm410h.yaml, 16 settings of a real one of 5 s each.
"""

import json
import os
import re
import sys
from pathlib import Path

import yaml

KEPT = (5, 8, 10, 13, 17)
"""Of the simulated amp's settings, those kept from training: all knobs moved, gain from
0.25 to 0.85, none a corner."""


def main() -> None:
    """Both manifests."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ["JAXAMP_DATA"]).resolve()
    written(folder / "amp.yaml", simulated_amp(data))
    written(folder / "jvm410h.yaml", real_amp(data))


def written(path: Path, manifest: dict) -> None:
    """Writes one of them."""
    path.write_text(yaml.safe_dump(manifest, sort_keys=False))


def simulated_amp(data: Path) -> dict:
    """Gain, bass, mid and treble, with `KEPT` for validation."""
    told = json.loads((data / "wet" / "knobs_train.json").read_text())
    names = ("gain", "bass", "mid", "treble")
    recordings = [
        {
            "name": f"setting {number}",
            "target": str(data / "wet" / "knobs_train.flac"),
            "start_seconds": part["dry_start"] / 48_000,
            "target_start_seconds": part["wet_start"] / 48_000,
            "knobs": {name: part[name] for name in names},
            "validation": number in KEPT,
        }
        for number, part in enumerate(told["segments"])
    ]
    return {
        "input": str(data / "dry.flac"),
        "seconds": 15.0,
        "knobs": {name: {"range": [0, 1]} for name in names},
        "recordings": recordings,
    }


def real_amp(data: Path) -> dict:
    """Bass, mid and treble of the real amp, as its files are named."""
    folder = data / "jvm410h" / "knobs"
    found = [
        (file, re.fullmatch(r"B(\d+)_M(\d+)_T(\d+)", file.stem))
        for file in sorted(folder.glob("B*.flac"))
    ]
    return {
        "input": str(folder / "dry.flac"),
        "knobs": {name: {"range": [0, 10]} for name in ("bass", "mid", "treble")},
        "recordings": [
            {
                "name": file.stem,
                "target": str(file),
                "knobs": dict(
                    zip(("bass", "mid", "treble"), map(int, of.groups()), strict=True)
                ),
            }
            for file, of in found
            if of
        ],
    }


if __name__ == "__main__":
    main()
