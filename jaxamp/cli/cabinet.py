"""`--ir cab.wav`: the cabinet that a model's sound goes through."""

import argparse
from typing import TYPE_CHECKING

from jaxamp.cli.channels import channel
from jaxamp.core import ConfigError

if TYPE_CHECKING:
    from jaxamp.dsp.convolution import Convolver


def add_cabinet(parser: argparse.ArgumentParser) -> None:
    """The options of the impulse response."""
    parser.add_argument(
        "--ir",
        metavar="CAB.wav",
        help="impulse response of a cabinet for the model's sound to go through, at "
        "most 5 s; one of another sample rate is converted",
    )
    parser.add_argument(
        "--ir-channel", help="of an impulse response with several: 0, 1, left, right"
    )
    parser.add_argument(
        "--ir-gain",
        type=float,
        metavar="DB",
        help="louder or quieter than the impulse response has it, which is never "
        "normalised",
    )


def cabinet_of(
    given: argparse.Namespace, sample_rate: int, partition: int
) -> "Convolver | None":
    """The cabinet that was asked for, if any; best for blocks of `partition` samples.

    Raises:
        ConfigError: Something is said of an impulse response that is not given.
        CaptureError: It cannot be read, or is none.
    """
    if given.ir is None:
        for option, value in (
            ("--ir-gain", given.ir_gain),
            ("--ir-channel", given.ir_channel),
        ):
            if value is not None:
                raise ConfigError(
                    f"{option} {value} is said of no impulse response. Name one with "
                    "--ir cab.wav, or leave it out."
                )
        return None
    from jaxamp.data.cabinet import read_cabinet  # noqa: PLC0415
    from jaxamp.dsp.convolution import Convolver  # noqa: PLC0415

    gain = decibels_of("--ir-gain", given.ir_gain or 0.0)
    response = read_cabinet(given.ir, sample_rate, channel(given.ir_channel))
    return Convolver(gain * response, partition)


LOUDEST_DB = 60.0
"""dB that anything may be made louder or quieter by."""


def decibels_of(option: str, value: float) -> float:
    """The factor that a number of dB stands for.

    Raises:
        ConfigError: No number of dB that anyone means.
    """
    from jaxamp.dsp.level import amplitude  # noqa: PLC0415 (imports scipy)

    if not -LOUDEST_DB <= value <= LOUDEST_DB:
        raise ConfigError(
            f"{option} {value:g} must be from {-LOUDEST_DB:g} to {LOUDEST_DB:g} dB."
        )
    return amplitude(value)
