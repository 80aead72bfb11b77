"""How good a model is, in sentences: the number, and what it means.

The words follow from fixed thresholds of ESR. They are no listening test, and the page
says so; it has one.
"""

import math

import numpy as np

from jaxamp.dsp.level import decibels

WORDS = (
    (0.001, "very close"),
    (0.01, "close"),
    (0.05, "a fair likeness"),
    (0.2, "a rough likeness"),
    (1.0, "hardly a likeness"),
    (math.inf, "no likeness; silence would be less wrong"),
)
"""ESR up to which a match is called so."""

LOUDNESS_LU = 0.1
"""Differences below it are called none; the meter is read to a tenth."""


def word(esr: float) -> str:
    """What a match is called."""
    return next(said for limit, said in WORDS if esr <= limit)


def scale() -> str:
    """The thresholds, in a sentence."""
    named = [f"{said} up to {limit:g}" for limit, said in WORDS[:-1]]
    return (
        "The words go by ESR alone: "
        + ", ".join(named)
        + ". That is a convention of this page and no listening test; take one below."
    )


def headline(esr: float) -> str:
    """How wrong the model is, in one sentence with the number."""
    if esr == 0:
        return "The model plays exactly what the amp plays (ESR 0)."
    if not math.isfinite(esr):
        return "The amp is silent here, so there is nothing to hold the model against."
    below = -decibels(np.sqrt(esr))
    side = "below" if below >= 0 else "above"
    return (
        f"What the model gets wrong has {percent(esr)} of the energy of the amp's "
        f"sound (ESR {esr:.4g}), so the mistake lies {abs(below):.0f} dB {side} the "
        f"amp itself: {word(esr)}."
    )


def percent(share: float) -> str:
    """A share in per cent, to two digits."""
    value = 100 * share
    return f"{value:.0f}%" if value >= 10 else f"{value:.2g}%"


def loudness(difference_lu: float) -> str:
    """Whether the model is as loud as the amp."""
    if not math.isfinite(difference_lu):
        return "How loud the model is against the amp cannot be told."
    if abs(difference_lu) < LOUDNESS_LU:
        return "The model is as loud as the amp, to a tenth of a decibel."
    more = "louder" if difference_lu > 0 else "quieter"
    return f"The model is {abs(difference_lu):.1f} dB {more} than the amp."
