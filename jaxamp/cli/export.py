"""`jaxamp export RUN OUT`: writes a model as the file a player reads."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.knobs import add_knobs, by_name, labelled_setting
from jaxamp.cli.main import complain, keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.core import ConfigError, knob_settings
from jaxamp.core.cloud import delivered, fetched, named
from jaxamp.core.shown import shown
from jaxamp.formats import FORMATS, find, write
from jaxamp.formats.labels import left_out
from jaxamp.formats.nam import is_container, read_parts, write_container
from jaxamp.loading import Loaded, load_described, load_part, size_limits
from jaxamp.models import bake

MOST_KEYS, LONGEST_KEY = 20, 60
"""Of a stranger's metadata in one message."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp export", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("output", help="file to write; its suffix picks the format")
    writable = [name for name, row in FORMATS.items() if row.write]
    parser.add_argument(
        "--format",
        help=f"whatever the suffix says, one of: {', '.join(writable)}",
    )
    add_size(parser)
    add_knobs(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Exports; returns the exit status."""
    given = parser().parse_args(arguments)
    keep_compiled()
    with delivered(given.output) as output:
        export(given, fetched(given.model), output)
    print(f"{shown(named(output))} written.")
    return 0


def export(given: argparse.Namespace, model: Path, output: Path) -> None:
    """Writes the file that the arguments ask for."""
    several = given.size is None and comes_in_sizes(model)
    if several and find(output, given.format, "write") is FORMATS["nam"]:
        export_sizes(model, output, by_name(given.knob))
    elif several:
        raise ConfigError(
            f"{given.model!r} holds several sizes, which only .nam files can hold "
            f"together. Export one of them with --size, for example --size 1."
        )
    else:
        loaded = load_described(model, size=given.size)
        if given.knob or find(output, given.format, "write") is FORMATS["nam"]:
            loaded = at_setting(loaded, by_name(given.knob))
        labels = relabelled(loaded.metadata, output, given.format)
        write(
            output,
            loaded.model,
            loaded.params,
            metadata=labels,
            format=given.format,
        )


def at_setting(loaded: Loaded, given: Mapping[str, float]) -> Loaded:
    """The model with its knobs baked in where they are set; says where that is.

    Raises:
        ConfigError: A knob there is not, or a position there is not.
        FormatError: An architecture whose knobs cannot be baked in.
    """
    model = loaded.model
    settings = knob_settings(model, given)
    if settings is None:
        return loaded
    plain, params = bake(model, loaded.params, settings)
    metadata, setting = labelled_setting(loaded.metadata, model, settings)
    unset = [name for name in model.controls if name not in given]
    middle = f" {', '.join(unset)} in the middle: no --knob says where." * bool(unset)
    complain(f"The file has no knobs. They are baked in at {setting}.{middle}")
    return Loaded(plain, params, metadata)


def relabelled(
    metadata: Mapping[str, Any], output: Path, format: str | None
) -> dict[str, Any]:
    """What was noted, in the words of the file to write; says what has none."""
    labels = find(output, format, "write").words(metadata)
    lost = left_out(metadata, labels)
    if lost:
        words = ", ".join(ascii(shown(key, LONGEST_KEY)) for key in lost[:MOST_KEYS])
        more = f" and {len(lost) - MOST_KEYS} more" * (len(lost) > MOST_KEYS)
        complain(f"{output} has no words for {words}{more}; left out.")
    return labels


def comes_in_sizes(model: Path) -> bool:
    """Whether a run or a file holds several models, of which players choose one."""
    if model.suffix.lower() == ".nam" and model.is_file():
        return is_container(model)
    return bool(size_limits(model))


def export_sizes(model: Path, output: Path, knobs: Mapping[str, float]) -> None:
    """Several sizes leave the house as one container."""
    if model.is_file():
        parts, metadata = read_parts(model)
        for _, one, _ in parts:
            knob_settings(one, knobs)  # refused: such files have none
    else:
        whole = at_setting(load_described(model), knobs)
        metadata, parts = whole.metadata, []
        for name, limit in size_limits(model).items():
            loaded = load_part(model / name)
            settings = knob_settings(loaded.model, knobs)
            parts.append((limit, *bake(loaded.model, loaded.params, settings)))
    write_container(output, parts, relabelled(metadata, output, "nam"))
