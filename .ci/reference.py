"""Writes the API reference, a page for each room of the house, into a folder.

    uv run python .ci/reference.py FOLDER

A warning of pdoc is an error: a name in `__all__` that is not there, a type that cannot
be resolved, a docstring that cannot be read.
"""

import importlib
import sys
import warnings
from pathlib import Path

import pdoc

ROOMS = (
    "core", "dsp", "layers", "models", "losses", "metrics", "data", "formats", "stream",
    "train", "evaluate", "loading", "teacher", "warm_start", "report",
)  # fmt: skip


def main() -> None:
    (folder,) = sys.argv[1:]
    warnings.simplefilter("error")
    modules = ["jaxamp", *(f"jaxamp.{room}" for room in ROOMS)]
    for module in map(importlib.import_module, modules):
        for name in getattr(module, "__all__", ()):
            # Some are imported when first used; pdoc looks without using.
            setattr(module, name, getattr(module, name))
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*modules, output_directory=Path(folder))


if __name__ == "__main__":
    main()
