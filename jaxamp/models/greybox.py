"""An amp half known: recurrent preamp, the tone stack's circuit, recurrent power amp.

What bass, middle and treble do is a circuit of seven parts that every amp of the kind
has, so a few settings teach all of them. Gain drives the preamp; other knobs, such as
master or presence, are heard by the power amp.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxamp.core import ConfigError, Model
from jaxamp.models.record import (
    Functions,
    knob_names,
    record,
    refuse_unlike_sizes,
    remember,
)
from jaxamp.models.recurrent import CELLS, SECONDS_TO_SETTLE, count_macs

TONE_STACKS = ("bassman", "jcm800", "twin")
"""The circuits that the parts can begin as."""

ROLES = ("gain", "bass", "mid", "treble")
"""What a knob may do; whatever else is heard by the power amp."""

TONE_STACK_MACS = 17
"""Three states pushed by each other and the sound, mixed with it, and made up for."""


@remember
def greybox(
    *,
    cell: str = "GRU",
    preamp: int = 12,
    power_amp: int = 8,
    tone_stack: str = "jcm800",
    gain: str | None = "gain",
    bass: str | None = "bass",
    mid: str | None = "mid",
    treble: str | None = "treble",
    longest_memory: float = 100.0,
    controls: Sequence[str] = (),
    sample_rate: int = 48_000,
) -> Model:
    """A recurrent preamp and power amp around a tone stack of learned parts.

    Args:
        cell: LSTM or GRU.
        preamp, power_amp: How many cells each has.
        tone_stack: The circuit whose parts learning begins with, out of `TONE_STACKS`.
        gain, bass, mid, treble: The name of the knob that does so. A pot of the tone
            stack that no knob turns rests where it is learned, in the middle at first;
            without a gain knob the preamp has one gain.
        longest_memory: As for `recurrent`.
        controls: The names of all knobs.

    Source:
        Miklanek, Wright, Valimaki and Schimmel 2023, "Neural grey-box guitar amplifier
        modelling with limited data", DAFx23.
    """
    controls = knob_names(controls)
    roles = played(controls, gain=gain, bass=bass, mid=mid, treble=treble)
    refuse_unlike_sizes(preamp=preamp, power_amp=power_amp)
    if cell not in CELLS:
        raise ConfigError(f"Cell {cell!r} is not known. Known are: {', '.join(CELLS)}.")
    if tone_stack not in TONE_STACKS:
        raise ConfigError(
            f"tone_stack={tone_stack!r} is not known. Known are: "
            f"{', '.join(TONE_STACKS)}. Take the one nearest to the amp; what its "
            "parts measure is learned."
        )
    if not (np.isfinite(longest_memory) and longest_memory >= 1):
        raise ConfigError(f"longest_memory={longest_memory} must be 1 sample or more.")
    others = len(controls) - len(roles)

    def network() -> Functions:
        from jaxamp.models.networks.greybox import functions  # noqa: PLC0415 (Flax)

        return functions(
            controls=controls,
            roles=tuple(roles.items()),
            cell=cell,
            sizes=(preamp, power_amp),
            circuit=tone_stack,
            longest_memory=longest_memory,
            sample_rate=sample_rate,
        )

    return record(
        network,
        architecture="GreyBox",
        hyperparameters={
            "cell": cell,
            "preamp": preamp,
            "power_amp": power_amp,
            "tone_stack": tone_stack,
            "gain": gain,
            "bass": bass,
            "mid": mid,
            "treble": treble,
            "longest_memory": longest_memory,
            "controls": list(controls),
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        controls=controls,
        receptive_field=1,
        warmup=round(SECONDS_TO_SETTLE * sample_rate),
        macs_per_sample=around(cell, preamp, 1 + ("gain" in roles))
        + ("gain" in roles)
        + TONE_STACK_MACS
        + around(cell, power_amp, 1 + others),
    )


def played(controls: Sequence[str], **named: str | None) -> Mapping[str, str]:
    """Role -> the knob that plays it, for the roles that a knob of the amp plays.

    Raises:
        ConfigError: A knob that the amp does not have, or one that plays two roles.
    """
    found: dict[str, str] = {}
    for role, name in named.items():
        if name is not None and name in controls:
            if name in found.values():
                raise ConfigError(
                    f"The knob {name!r} was given two parts to play. Give each of "
                    f"{', '.join(ROLES)} a knob of its own, or null."
                )
            found[role] = name
        elif name not in (None, role):
            known = ", ".join(controls)
            raise ConfigError(
                f"{role}={name!r} is no knob of the amp: "
                + (f"its knobs are {known}." if known else "it has no knobs.")
                + " Name one of them, or null for none."
            )
    return found


def around(cell: str, hidden: int, heard: int) -> int:
    """Multiply-accumulates of cells, of their mix and of the sound that goes around."""
    return count_macs(CELLS[cell].gates, heard, (hidden,), head=True) + 1
