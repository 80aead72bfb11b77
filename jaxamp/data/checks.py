"""What is wrong with a pair of recordings, found before hours are spent on it.

A finding is fatal where training would be in vain, a warning where the model would be
worse than it need be, or a note. Fatal ones refuse the pair with a `CaptureError`; each
can be waived by its name in `ignore_checks`. Rates that differ, samples that are no
numbers and a delay that cannot be found cannot be waived: nothing could be learned.
"""

import dataclasses
import difflib
from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np

from jaxamp.core import CaptureError, ConfigError
from jaxamp.data.audio import Audio, shown

CHECKS = ("clipping", "drift", "lengths", "replicates", "silence")
"""The names that `ignore_checks` understands."""

SILENCE_DBFS = -80.0
"""A file whose loudest sample lies below is called silent."""

LOW_DBFS = -40.0
"""A file whose loudest sample lies below is called low."""

LENGTH_TOLERANCE = 16
"""Samples by which lengths may differ whatever the delay: a program's rounding."""


KNOB_CHECKS = (*CHECKS, "still_knob", "tied_knobs")
"""The same of recordings of an amp with knobs."""


def refuse_unknown_checks(
    ignore_checks: Collection[str], known: Collection[str] = CHECKS
) -> None:
    """Raises ConfigError where a name in `ignore_checks` is none of the known."""
    if isinstance(ignore_checks, str):
        raise ConfigError(
            f"ignore_checks={ignore_checks!r} is one word; "
            f"write a list: [{ignore_checks}]."
        )
    for name in ignore_checks:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"ignore_checks names {name!r}, which is no check that can be waived; "
                f"these are: {', '.join(known)}.{hint}"
            )


def check_pair(
    input: Audio, target: Audio, ignore_checks: Collection[str] = ()
) -> list[str]:
    """Rates, silence, clipping and level of a pair; returns what is worth a warning.

    Raises:
        CaptureError: one sentence of what happened, and what to do.
    """
    check_rates(input, target)
    found = [check_silence(input), check_silence(target), check_clipping(target)]
    return settle([*found, check_level(input), check_level(target)], ignore_checks)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    check: str
    message: str
    severity: Literal["fatal", "warning", "note"] = "fatal"


def settle(
    found: Iterable[Finding | None], ignore_checks: Collection[str]
) -> list[str]:
    """Raises the first fatal finding that is not waived; returns the messages of all.

    Raises:
        CaptureError: The finding's message, and how to go on regardless.
    """
    refuse_unknown_checks(ignore_checks, KNOB_CHECKS)
    findings = [finding for finding in found if finding]
    for finding in findings:
        if refuses(finding, ignore_checks):
            hint = f" To go on regardless: ignore_checks=[{finding.check}]."
            raise CaptureError(finding.message + hint * (finding.check in KNOB_CHECKS))
    return [finding.message for finding in findings]


def refuses(finding: Finding, ignore_checks: Collection[str]) -> bool:
    """Whether the finding keeps the pair from being trained on."""
    return finding.severity == "fatal" and finding.check not in ignore_checks


def check_rates(input: Audio, target: Audio) -> None:
    """Both files must have been recorded at one sample rate."""
    if input.sample_rate != target.sample_rate:
        raise CaptureError(
            f"The sample rates differ: {_name(input)} has {input.sample_rate} Hz, "
            f"{_name(target)} has {target.sample_rate} Hz. Export both at the rate "
            "of the recording session; resampling one would shift its samples."
        )


def check_silence(audio: Audio) -> Finding | None:
    """A file without a sample above -80 dBFS was not recorded."""
    peak = peak_dbfs(audio.samples)
    if peak >= SILENCE_DBFS:
        return None
    return Finding(
        "silence",
        f"{_name(audio)} is silent: its loudest sample is at {peak:.0f} dBFS, at "
        f"least {SILENCE_DBFS:.0f} are expected. Check the routing and the levels "
        "and record again.",
    )


def check_clipping(audio: Audio) -> Finding | None:
    """Samples stuck at full scale, where the shape of the wave is lost.

    Full scale is one step of the file's own bit depth below 1 (24 bit for float
    files). Two or more neighbours there count, and every single sample at 1 or above;
    one sample alone just below 1 is what normalising a file leaves, and is let pass.
    """
    rail = np.float32(1 - audio.step)
    top = audio.samples >= rail
    bottom = audio.samples <= -rail
    stuck = _runs(top) | _runs(bottom) | (np.abs(audio.samples) >= 1)
    places = np.flatnonzero(stuck)
    if not len(places):
        return None
    return Finding(
        "clipping",
        f"{_name(audio)} clips: {len(places)} samples reach full scale, first at "
        f"{places[0] / audio.sample_rate:.3f} s. Lower the interface's input gain by "
        "a few dB and record again; scaling the file will not undo clipping.",
    )


def flat_tops(target: Audio) -> int:
    """How often the highest or lowest value is held for three samples or more.

    Files that reach full scale have a check of their own, and count none.
    """
    samples = target.samples
    if not len(samples) or peak_dbfs(samples) > -0.01:
        return 0
    top, bottom = float(samples.max()), float(samples.min())
    near = 2 * target.step  # what scaling and rounding leave
    return _held(samples >= top - near) + _held(samples <= bottom + near)


def check_level(audio: Audio) -> Finding | None:
    """A file that is never loud lets noise weigh more than it need."""
    peak = peak_dbfs(audio.samples)
    if not SILENCE_DBFS <= peak < LOW_DBFS:
        return None
    return Finding(
        "level",
        f"{_name(audio)} is recorded low: its loudest sample is at {peak:.0f} dBFS, "
        "so noise weighs more than it need. Aim for peaks between -18 and -3 dBFS.",
        "warning",
    )


def check_lengths(input: Audio, target: Audio, delay: int) -> Finding | None:
    """A recording may go on for a second, or stop a few samples early.

    Nobody stops a recorder to the sample: what follows the input's end is cut off. One
    that stops with its input lacks the last few answers, as many as the delay; one that
    is shorter still was cut somewhere, perhaps at its start.
    """
    difference = len(target.samples) - len(input.samples)
    rate, name = input.sample_rate, _name(target)
    known = max(abs(delay), LENGTH_TOLERANCE)
    size = abs(difference)
    if -known <= difference <= rate + known:
        if 0 <= difference <= known:
            return None
        what = "longer than its input, and cut at the end"
        if difference < 0:
            what = "shorter than its input, whose end is left out"
        return Finding("lengths", f"{name} is {size} samples {what}.", "note")
    word = "longer" if difference > 0 else "shorter"
    return Finding(
        "lengths",
        f"The lengths differ: {name} ({len(target.samples)} samples) is "
        f"{size} samples ({1000 * size / rate:.1f} ms) {word} than "
        f"{_name(input)} ({len(input.samples)} samples); up to 1 s longer and "
        f"{known} samples shorter are expected. Check that nothing was cut from the "
        "start or dropped in between; if only the end differs, set trim=true to cut "
        "the longer one there.",
    )


def peak_dbfs(samples: np.ndarray) -> float:
    """The loudest sample, in dB below full scale; silence is -200."""
    return _decibels(float(np.max(np.abs(samples), initial=0.0)))


def rms_dbfs(samples: np.ndarray) -> float:
    """The root mean square, in dB below full scale (a full sine: -3); silence -200."""
    return _decibels(rms(samples))


def rms(samples: np.ndarray) -> float:
    """Root mean square, summed in double precision."""
    energy = np.einsum("t,t->", samples, samples, dtype=np.float64)
    return float(np.sqrt(energy / max(1, len(samples))))


def _decibels(level: float) -> float:
    return 20 * float(np.log10(max(level, 1e-10)))


def _held(rail: np.ndarray) -> int:
    """How many runs of three or more are True."""
    edges = np.flatnonzero(np.diff(rail, prepend=False, append=False))
    return int(np.sum(edges[1::2] - edges[::2] >= 3))


def _runs(rail: np.ndarray) -> np.ndarray:
    """True where a sample and one of its neighbours are both True."""
    both = rail[1:] & rail[:-1]
    runs = np.zeros_like(rail)
    runs[1:] |= both
    runs[:-1] |= both
    return runs


def _name(audio: Audio) -> str:
    return shown(audio.path.name)
