"""`jaxamp reamp MODEL IN OUT`: plays a file through a model in constant memory."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jaxamp.cli.automation import (
    add_automation,
    automation_of,
    named_moves,
    refuse_smoothing_of_nothing,
    warn_after_end,
)
from jaxamp.cli.cabinet import add_cabinet, cabinet_of
from jaxamp.cli.channels import channel
from jaxamp.cli.knobs import add_knobs, named_settings, settings_of
from jaxamp.cli.main import complain, keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.core import CaptureError, ConfigError, Model
from jaxamp.core.cloud import delivered
from jaxamp.core.shown import paragraph

FRAMES = 1 << 17
"""Samples read at a time."""

PARTITION = 4096
"""Samples of a cabinet's response that are taken together."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp reamp", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("input", help="dry audio: WAV, FLAC or AIFF")
    parser.add_argument("output", help="file to write; .wav is 32 bit float")
    parser.add_argument("--block", type=int, help="samples a block")
    parser.add_argument("--channel", help="of a file with several: 0, 1, left, right")
    add_cabinet(parser)
    add_knobs(parser)
    add_automation(parser)
    add_size(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Plays; returns the exit status."""
    given = parser().parse_args(arguments)
    if given.block is not None and given.block < 1:
        raise ConfigError(f"--block {given.block} must be 1 sample or more.")
    refuse_smoothing_of_nothing(given, given.automation)
    return reamp(given)


def reamp(given: argparse.Namespace) -> int:
    """Plays what the arguments say."""
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.data import AudioWriter, read_blocks, read_header  # noqa: PLC0415
    from jaxamp.loading import load  # noqa: PLC0415
    from jaxamp.stream import BLOCK, play  # noqa: PLC0415

    header = read_header(given.input)
    refuse_same(given.input, given.output)
    for other in (given.ir, given.automation):
        if other is not None:
            refuse_same(other, given.output)
    blocks = read_blocks(header.path, FRAMES, channel(given.channel))
    keep_compiled()
    model, params = load(given.model, size=given.size)
    refuse_other_rate(model, header.sample_rate, given.input)
    moving = automation_of(given.automation, given.knob, given.smoothing, model)
    controls = moving or settings_of(model, given.knob)
    cabinet = cabinet_of(given, header.sample_rate, PARTITION)
    with (
        delivered(given.output) as output,
        AudioWriter(output, header.sample_rate) as writer,
    ):
        pieces = (block[None, None] for block in blocks)
        block = given.block or BLOCK
        for piece in play(model, params, pieces, block=block, controls=controls):
            heard = piece[0, 0]
            writer.write(heard if cabinet is None else cabinet(heard))
    if writer.clipped:
        complain(
            f"warning: {writer.clipped} samples were too loud for "
            f"{given.output!r} and are clipped. A .wav file holds them."
        )
    seconds = header.frames / header.sample_rate
    if moving:
        warn_after_end(moving, seconds, given.automation)
        with_knobs = named_moves(moving, given.automation)
    else:
        with_knobs = named_settings(model, settings_of(model, given.knob))
    told = (
        f"{given.output}: {seconds:.2f} s through {given.model}{with_knobs}"
        f"{f' and {given.ir}' if cabinet else ''}."
    )
    print(paragraph(told))
    return 0


def refuse_same(source: str, destination: str) -> None:
    """Raises rather than overwriting what is being read."""
    if Path(source).resolve() == Path(destination).resolve():
        raise CaptureError(
            f"{source!r} is both input and output. Name another file for the output."
        )


def refuse_other_rate(model: Model, sample_rate: int, name: str) -> None:
    """Raises if model and audio disagree on the sample rate."""
    if model.sample_rate != sample_rate:
        raise CaptureError(
            f"The model was learned at {model.sample_rate} Hz, {name!r} has "
            f"{sample_rate} Hz. Played as it is, the model would sound wrong: convert "
            f"the file to {model.sample_rate} Hz first."
        )
