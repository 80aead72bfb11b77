"""`jaxamp signal OUT.wav`: the capture signal, to be played through an amp."""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxamp.cli.channels import channel
from jaxamp.cli.folder import write_text
from jaxamp.cli.reamp import refuse_same
from jaxamp.core.cloud import delivered, named
from jaxamp.core.shown import paragraph

if TYPE_CHECKING:
    from jaxamp.data.capture_signal import CaptureSignal

SHIFT = 8
"""From numbers of 24 bits to the upper ones of 32."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        "jaxamp signal",
        description=__doc__,
        epilog="OUT.parts.json beside it says where the parts are. Play OUT into the "
        "amp, record what comes back, then `jaxamp check OUT RECORDING`.",
    )
    parser.add_argument("output", help="file to write, .wav or .flac: 48 kHz, 24 bit")
    parser.add_argument(
        "--playing", help="your own playing for the middle, 48 kHz, instead of ours"
    )
    parser.add_argument("--channel", help="of playing with several: 0, 1, left, right")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Writes the signal; returns the exit status."""
    return write(parser().parse_args(arguments))


def write(given: argparse.Namespace) -> int:
    """Writes what the arguments say."""
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.data.audio import AudioWriter, read_audio  # noqa: PLC0415
    from jaxamp.data.capture_signal import capture_signal  # noqa: PLC0415

    playing = None
    if given.playing is not None:
        refuse_same(given.playing, given.output)
        playing = read_audio(given.playing, channel(given.channel))
    signal = capture_signal(playing)
    beside = f"{given.output.removesuffix(Path(given.output).suffix)}.parts.json"
    with delivered(given.output) as output, delivered(beside) as description:
        with AudioWriter(output, signal.layout.sample_rate, bits=24) as writer:
            writer.write(signal.numbers << SHIFT)
        write_text(description, json.dumps(described(signal, output), indent=2) + "\n")
    seconds = len(signal.numbers) / signal.layout.sample_rate
    told = (
        f"{named(output)}: {signal.layout.title}, {seconds:.1f} s. Its parts are "
        f"listed in {named(description)}. Play it into the amp at the level your "
        f"guitar has, and record the answer at {signal.layout.sample_rate} Hz."
    )
    print(paragraph(told))
    return 0


def described(signal: "CaptureSignal", file: Path) -> dict[str, Any]:
    """The content of the description beside the file; places in samples."""
    from jaxamp.data.capture_signal import sha256  # noqa: PLC0415

    layout = signal.layout
    return {
        "signal": layout.name,
        "version": layout.version,
        "sample_rate": layout.sample_rate,
        "samples": len(signal.numbers),
        "sha256_of_file": hashlib.sha256(file.read_bytes()).hexdigest(),
        "sha256_of_samples": sha256(signal.numbers),
        "train": layout.train,
        "validation": layout.validation,
        "parts": [part._asdict() for part in layout.parts],
    }
