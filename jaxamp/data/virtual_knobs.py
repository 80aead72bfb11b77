"""The virtual amp recorded at many settings of its knobs, to try knobs without an amp.

The packaged phrases are played at settings that reach everywhere, and validated with
other phrases at settings of which training has none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, ConfigError, Recording
from jaxamp.data.demo import SAMPLE_RATE, around_centre, packaged_di, rendered
from jaxamp.data.knobbed_amp import KNOBS, knobbed_amp
from jaxamp.data.normalise import scaled, target_gain
from jaxamp.data.spread import latin_hypercube, refuse_none, spread_settings

HELD_OUT_SECONDS = 12.0
"""Of the DI's middle, which validates and is never trained on."""

LONGEST = 12.0
"""Seconds that one setting is played, at most: as long as the middle is."""

CONTEXT_SECONDS = 1.0
"""Played before each passage: it settles the amp, and the model hears it first."""

GOLDEN = 0.618033988749895
"""Multiples of it, without their whole part, fall evenly however many they are, so
that neighbours among the settings play phrases far apart."""


def virtual_knobs(
    settings: int = 16,
    seconds: float = 8.0,
    validation_settings: int = 24,
    validation_seconds: float = 3.0,
    knobs: Sequence[str] = KNOBS,
    seed: int = 0,
    normalize_dbfs: float | None = None,
) -> Recording:
    """A recording of an amp with knobs, ready to train on.

    Args:
        settings: How many are trained on, corners among them.
        seconds: How long each is played.
        validation_settings: How many others are validated on.
        knobs: Those that move; the others stay in the middle.
        seed: Draws the settings.
        normalize_dbfs: The RMS that the training targets together are scaled to.

    Raises:
        ConfigError: A knob that the amp does not have, or no time to play.
    """
    knobs = known(knobs)
    refuse_none(len(knobs), settings)
    refuse_none(len(knobs), validation_settings)
    refuse_lengths(seconds=seconds, validation_seconds=validation_seconds)
    di = packaged_di()
    middle = around_centre(HELD_OUT_SECONDS, len(di))
    around = [(0, middle[0]), (middle[1], len(di))]
    learned = spread_settings(len(knobs), settings, seed)
    unseen = latin_hypercube(len(knobs), validation_settings, seed + 1, anywhere=True)
    train = tuple(recorded(di, around, seconds, knobs, learned, "train"))
    held_out = recorded(di, [middle], validation_seconds, knobs, unseen, "validation")
    factor = target_gain(train, normalize_dbfs)
    return Recording(
        train=tuple(scaled(one, factor) for one in train),
        validation=tuple(scaled(one, factor) for one in held_out),
        sample_rate=SAMPLE_RATE,
        target_gain=factor,
        findings={
            "virtual_amp": {
                "knobs": list(knobs),
                "settings": learned.round(4).tolist(),
                "seconds": seconds,
                "validation_settings": unseen.round(4).tolist(),
                "validation_seconds": validation_seconds,
            },
            "delay": 0,
        },
        controls=knobs,
    )


def known(knobs: Sequence[str]) -> tuple[str, ...]:
    """The knobs that move.

    Raises:
        ConfigError: None, the same twice, or one that the amp does not have.
    """
    names = () if isinstance(knobs, str) else tuple(knobs)
    if not names or len(set(names)) != len(names) or not set(names) <= set(KNOBS):
        raise ConfigError(
            f"knobs={knobs!r} must list some of the virtual amp's knobs, each once: "
            f"{', '.join(KNOBS)}."
        )
    return names


def refuse_lengths(**seconds: float) -> None:
    """Raises ConfigError where a setting cannot be played for so long."""
    for name, value in seconds.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 1 / SAMPLE_RATE <= value <= LONGEST):
            raise ConfigError(
                f"{name}={value!r} must be more than nothing and at most {LONGEST:g} "
                "seconds, for the packaged phrases are a minute. For longer training "
                "raise data.settings."
            )


def recorded(
    di: np.ndarray,
    pieces: Sequence[tuple[int, int]],
    seconds: float,
    knobs: Sequence[str],
    settings: np.ndarray,
    use: str,
) -> Iterator[Capture]:
    """A passage out of the pieces of the DI for each setting."""
    length = round(seconds * SAMPLE_RATE)
    for index, setting in enumerate(settings):
        start = place(pieces, length, (GOLDEN * (index + 0.5)) % 1)
        before = max(0, start - round(CONTEXT_SECONDS * SAMPLE_RATE))
        heard = di[before : start + length]
        places = dict.fromkeys(KNOBS, 0.5) | dict(zip(knobs, setting, strict=True))
        target = rendered(
            knobbed_amp,
            heard,
            controls=tuple(float(places[name]) for name in KNOBS),
            sample_rate=SAMPLE_RATE,
        )
        yield Capture(
            input=di[start : start + length],
            target=target[start - before :],
            context=di[before:start],
            name=named(use, knobs, setting),
            controls=np.asarray(setting, np.float32),
        )


def place(pieces: Sequence[tuple[int, int]], length: int, share: float) -> int:
    """Where a passage begins that fits into one of the pieces, at a share of all."""
    rooms = [end - begin - length + 1 for begin, end in pieces]
    at = int(share * sum(rooms))
    for (begin, _), room in zip(pieces, rooms, strict=True):
        if at < room:
            return begin + at
        at -= room
    raise AssertionError("a share is below 1")


def named(use: str, knobs: Sequence[str], setting: Any) -> str:
    """What a passage is called."""
    at = ", ".join(f"{k} {v:.2f}" for k, v in zip(knobs, setting, strict=True))
    return f"virtual amp, {use}, {at}"
