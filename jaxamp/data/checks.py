"""What is wrong with a pair of recordings, found before hours are spent on it.

Each check has a name, raises `CaptureError`, and can be waived by that name in
`ignore_checks`; a waived check becomes a warning. Rates that differ and samples that
are no numbers cannot be waived: nothing could be learned from them.
"""

import dataclasses
import difflib
from collections.abc import Collection

import numpy as np

from jaxamp.core import CaptureError, ConfigError
from jaxamp.data.audio import Audio, shown

CHECKS = ("clipping", "lengths", "silence")
"""The names that `ignore_checks` understands."""

SILENCE_DBFS = -80.0
"""A file whose loudest sample lies below is called silent."""

LOW_DBFS = -40.0
"""A file whose loudest sample lies below is called low."""

LENGTH_TOLERANCE = 16
"""Samples by which lengths may differ whatever the delay: a program's rounding."""


def refuse_unknown_checks(ignore_checks: Collection[str]) -> None:
    """Raises ConfigError where a name in `ignore_checks` is none of `CHECKS`."""
    if isinstance(ignore_checks, str):
        raise ConfigError(
            f"ignore_checks={ignore_checks!r} is one word; "
            f"write a list: [{ignore_checks}]."
        )
    for name in ignore_checks:
        if name not in CHECKS:
            near = difflib.get_close_matches(str(name), CHECKS, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"ignore_checks names {name!r}, which is no check that can be waived; "
                f"these are: {', '.join(CHECKS)}.{hint}"
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
    warnings = settle(found, ignore_checks)
    return warnings + [text for text in (_low(input), _low(target)) if text]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A check that failed."""

    check: str
    message: str


def settle(
    found: Collection[Finding | None], ignore_checks: Collection[str]
) -> list[str]:
    """Raises the first finding that is not waived; the waived ones are returned."""
    refuse_unknown_checks(ignore_checks)
    findings = [finding for finding in found if finding]
    for finding in findings:
        if finding.check not in ignore_checks:
            raise CaptureError(
                f"{finding.message} To go on regardless: "
                f"ignore_checks=[{finding.check}]."
            )
    return [finding.message for finding in findings]


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


def check_lengths(input: Audio, target: Audio, delay: int) -> Finding | None:
    """Lengths may differ by the measured delay; more means that something is missing.

    A recording that stops with its input lacks nothing but the last few answers, and
    one that goes on for the delay holds just those.
    """
    difference = len(target.samples) - len(input.samples)
    if abs(difference) <= max(abs(delay), LENGTH_TOLERANCE):
        return None
    word = "longer" if difference > 0 else "shorter"
    size = abs(difference)
    return Finding(
        "lengths",
        f"The lengths differ: {_name(target)} ({len(target.samples)} samples) is "
        f"{size} samples ({1000 * size / input.sample_rate:.1f} ms) {word} than "
        f"{_name(input)} ({len(input.samples)} samples), and the delay accounts for "
        f"{abs(delay)}. Check that nothing was cut from the start or dropped in "
        "between; if only the end differs, set trim=true to cut the longer one there.",
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


def _runs(rail: np.ndarray) -> np.ndarray:
    """True where a sample and one of its neighbours are both True."""
    both = rail[1:] & rail[:-1]
    runs = np.zeros_like(rail)
    runs[1:] |= both
    runs[:-1] |= both
    return runs


def _low(audio: Audio) -> str | None:
    peak = peak_dbfs(audio.samples)
    if not SILENCE_DBFS <= peak < LOW_DBFS:
        return None
    return (
        f"{_name(audio)} is recorded low: its loudest sample is at {peak:.0f} dBFS, "
        "so noise weighs more than it need. Aim for peaks between -18 and -3 dBFS."
    )


def _name(audio: Audio) -> str:
    return shown(audio.path.name)
