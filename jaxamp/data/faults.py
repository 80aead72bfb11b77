"""From what was measured in a pair to what is said about it.

Each rule has its limit beside it. The limits were laid so that recordings known to be
clean pass; `experiments/011_faults` shows what they catch.
"""

from jaxamp.data.checks import Finding
from jaxamp.dsp.align import Delay
from jaxamp.dsp.drift import Drift
from jaxamp.dsp.level import decibels
from jaxamp.dsp.quiet import Noise
from jaxamp.dsp.relation import LEAST_HEIGHT, Relation, early_or_late, related
from jaxamp.dsp.steady import Step

FATAL_DRIFT, NOTED_DRIFT = 3.0, 2.0
"""Samples from end to end."""
SIGMAS = 6.0
"""Standard deviations that a drift must reach to be believed. Over 60 excerpts of 25 to
80 s of five clean amps 4.1 was the most."""

LARGEST_REPLICATE_ESR = 0.01
"""Above it the field refuses a capture: as wrong as a middling model."""

NOISE_DB, HUM_DB = 45.0, 50.0
"""What noise and hum should at least lie below the playing, RMS against RMS."""

SHUT_SECONDS = 0.2

STEP_SURPRISE, STEP_DB = 6.5, 1.0

FLAT_TOPS = 8
"""So many, all at one height, are no chance."""


def check_drift(drift: Drift | None, name: str) -> Finding | None:
    """Clocks that drift apart misalign the end of a recording."""
    if drift is None or not believed(drift, NOTED_DRIFT):
        return None
    severity = "fatal" if believed(drift, FATAL_DRIFT) else "warning"
    return Finding(
        "drift",
        f"{name} slides against its input by {drift.samples:+.1f} samples from "
        f"beginning to end ({drift.ppm:+.2f} ppm): player and recorder ran on clocks "
        "of their own, or samples were dropped. Play and record with one interface, "
        "or lock the clocks, and record again.",
        severity,
    )


def believed(drift: Drift, limit: float) -> bool:
    """Whether a drift is as large as the limit, and not by chance."""
    return abs(drift.samples) >= max(limit, SIGMAS * drift.uncertainty)


def check_replicates(esr: float | None, name: str) -> Finding | None:
    """The same passage played twice must come out the same."""
    if esr is None or esr <= LARGEST_REPLICATE_ESR:
        return None
    return Finding(
        "replicates",
        f"{name} answers the same passage differently at its beginning and its end: "
        f"ESR {esr:.3g}, at most {LARGEST_REPLICATE_ESR} is expected. A knob was "
        "moved, an effect that changes with time (chorus, delay, reverb) is on, or "
        "noise is loud. Turn such effects off, let the amp warm up and record again.",
    )


def check_noise(noise: Noise | None, playing_rms: float, name: str) -> list[Finding]:
    """Hiss and hum, by how far they lie below the playing."""
    if noise is None or not playing_rms:
        return []
    found = []
    hum = decibels(noise.hum / playing_rms)
    if hum > -HUM_DB:
        found.append(
            Finding(
                "hum",
                f"{name} hums: {noise.mains} Hz and its multiples lie {-hum:.0f} dB "
                f"below the playing, {HUM_DB:.0f} dB are wanted. Keep cables away from "
                "power supplies, lift ground loops with the reamp box, record again.",
                "warning",
            )
        )
    hiss = decibels(max(noise.rms**2 - noise.hum**2, 0.0) ** 0.5 / playing_rms)
    if hiss > -NOISE_DB:
        found.append(
            Finding(
                "noise",
                f"{name} is noisy: noise lies {-hiss:.0f} dB below the playing, "
                f"{NOISE_DB:.0f} dB are wanted; no model gets below an ESR of "
                f"{10 ** (hiss / 10):.1g} on it, and a delay that is measured in the "
                "playing may come out late. Raise the level into the interface, or "
                "turn the gain down; state the delay if you know it.",
                "warning",
            )
        )
    return found


def check_gate(seconds: float, level: float, name: str) -> Finding | None:
    """A gate shuts quiet notes off."""
    if seconds < SHUT_SECONDS:
        return None
    return Finding(
        "gate",
        f"{name} is shut off for {seconds:.1f} s while its input still plays, at up "
        f"to {level:.0f} dBFS: a noise gate is on, or there are gaps. Turn the gate "
        "off and record again; gate what the model plays instead.",
        "warning",
    )


def check_relation(answer: Relation | None, applied: int, name: str) -> Finding | None:
    """A recording that does not answer its input, or not when it was said to."""
    if answer is None:
        return None
    if not related(answer):
        return Finding(
            "relation",
            f"{name} does not seem to answer its input at any delay within a second: "
            "they look like two different takes. Training would end near an ESR of 1. "
            "Check that both files belong together.",
            "warning",
        )
    if answer.height < LEAST_HEIGHT or not early_or_late(answer):
        return None
    return Finding(
        "relation",
        f"{name} answers its input best {answer.lag:+d} samples away from the delay of "
        f"{applied} that is taken out, where a model cannot learn it or wastes its "
        "memory. Leave the delay at auto, or correct it.",
        "warning",
    )


def check_steadiness(step: Step | None, name: str) -> Finding | None:
    """An amp whose sound changes in the middle is two amps."""
    if step is None or step.surprise < STEP_SURPRISE or abs(step.decibels) < STEP_DB:
        return None
    low, high = step.hertz
    return Finding(
        "knob",
        f"{name} sounds different from about {step.seconds:.0f} s on: {low} to {high} "
        f"Hz come out {step.decibels:+.1f} dB against before. A knob may have been "
        "moved, or a tube warmed up. Listen there; record again if so.",
        "warning",
    )


def check_polarity(delay: Delay | None, name: str) -> Finding | None:
    """Some amps invert; that is no fault, and kept."""
    if delay is None or delay.polarity >= 0:
        return None
    return Finding(
        "polarity",
        f"{name} looks upside down against its input (polarity -1). That is kept: "
        "the model will invert as the recording does.",
        "note",
    )


def check_delay(delay: Delay | None, name: str) -> list[Finding]:
    """What is odd about a delay that was found."""
    if delay is None:
        return []
    found = [Finding("delay", text, "warning") for text in delay.warnings]
    if delay.samples < 0:
        text = (
            f"{name} seems to answer {-delay.samples} samples before it is asked, "
            "within what can be measured; the delay is taken to be 0."
        )
        found.append(Finding("delay", text, "note"))
    return found


def check_flat_tops(runs: int, peak_dbfs: float, name: str) -> Finding | None:
    """A recording that was clipped and turned down afterwards."""
    if runs < FLAT_TOPS:
        return None
    return Finding(
        "flat_tops",
        f"{name} has {runs} flat tops at {peak_dbfs:.2f} dBFS: it was probably clipped "
        "and then turned down. If the amp itself does not clip so hard, lower the "
        "interface's input gain and record again.",
        "warning",
    )
