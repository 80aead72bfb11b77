"""A pair of recordings, looked over: what was measured, and what is wrong with it."""

import dataclasses
import hashlib
from collections.abc import Collection
from typing import Any

import numpy as np

from jaxamp.core import CaptureError
from jaxamp.data.audio import Audio, shown
from jaxamp.data.capture_signal import recognised
from jaxamp.data.checks import (
    Finding,
    check_clipping,
    check_lengths,
    check_level,
    check_rates,
    check_silence,
    flat_tops,
    peak_dbfs,
    refuses,
    rms,
    rms_dbfs,
)
from jaxamp.data.faults import (
    FATAL_DRIFT,
    believed,
    check_delay,
    check_drift,
    check_flat_tops,
    check_gate,
    check_noise,
    check_polarity,
    check_relation,
    check_replicates,
    check_steadiness,
)
from jaxamp.data.layouts import Layout, standard
from jaxamp.dsp.align import Delay, align
from jaxamp.dsp.delay import SEARCH, measure_delay
from jaxamp.dsp.drift import SHORTEST, Drift, drift_of_passages, drift_of_signals
from jaxamp.dsp.gating import shut
from jaxamp.dsp.level import decibels
from jaxamp.dsp.quiet import noise
from jaxamp.dsp.relation import relation
from jaxamp.dsp.steady import likeliest_step


@dataclasses.dataclass(frozen=True)
class Examination:
    """What is known of a pair before it is trained on."""

    layout: Layout | None
    """Where the input's parts are, if it is a known capture signal."""
    delay: Delay | None
    """None where it was given, or could not be found."""
    applied: int
    """Samples to take out of the target."""
    measured: dict[str, Any]
    """JSON-able; what could not be measured is None."""
    findings: tuple[Finding, ...]

    def record(self, ignore_checks: Collection[str] = ()) -> dict[str, Any]:
        """The same for a file: JSON-able."""
        told = [
            dataclasses.asdict(finding) | {"waived": finding.check in ignore_checks}
            for finding in self.findings
        ]
        return {
            "signal": self.layout.title if self.layout else None,
            "measured": self.measured,
            "found": told,
            "passed": not any(refuses(finding, ()) for finding in self.findings),
        }


def examine(
    input: Audio, target: Audio, *, delay: int | str = "auto", trim: bool = False
) -> Examination:
    """Measures a pair and applies every check; raises for none that has a name.

    Args:
        delay: Samples where it is known, or `auto`.
        trim: The lengths may differ by anything.

    Raises:
        CaptureError: The sample rates differ.
    """
    check_rates(input, target)
    layout = _recognised(input)
    name = shown(target.path.name)
    runs = flat_tops(target)
    found: list[Finding | None] = [
        check_silence(input),
        check_silence(target),
        check_clipping(target),
        check_flat_tops(runs, peak_dbfs(target.samples), name),
        check_level(input),
        check_level(target),
    ]
    measured: dict[str, Any] = {
        "peak_dbfs": round(peak_dbfs(target.samples), 2),
        "rms_dbfs": round(rms_dbfs(target.samples), 2),
        "longer_by_samples": len(target.samples) - len(input.samples),
    }
    if found[0] or found[1]:
        return _done(layout, None, 0, measured, found)
    timing = _timing(input, target, layout, delay)
    # Drift comes first: it may be why no delay was found.
    found += [check_drift(timing.drift, name), *timing.findings]
    found += [*check_delay(timing.delay, name), check_polarity(timing.delay, name)]
    if not trim:
        found.append(check_lengths(input, target, timing.applied))
    measured |= _timed(timing, input.sample_rate)
    if timing.known:
        more, faults = _listened_to(input, target, layout, timing)
        measured |= more
        found += faults
    return _done(layout, timing.delay, timing.applied, measured, found)


def md5(audio: Audio) -> str:
    """Of the whole file."""
    with audio.path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _done(
    layout: Layout | None,
    delay: Delay | None,
    applied: int,
    measured: dict[str, Any],
    found: list[Finding | None],
) -> Examination:
    findings = tuple(finding for finding in found if finding)
    return Examination(layout, delay, applied, measured, findings)


def _recognised(input: Audio) -> Layout | None:
    known = recognised(input.samples, input.sample_rate)
    if known is None and input.path.is_file():
        known = standard(md5(input), len(input.samples))
    return known


# --- when it answers ---------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Timing:
    delay: Delay | None
    applied: int
    known: bool
    drift: Drift | None
    findings: tuple[Finding, ...] = ()


def _timing(
    input: Audio, target: Audio, layout: Layout | None, given: int | str
) -> _Timing:
    rate, length = input.sample_rate, min(len(input.samples), len(target.samples))
    x, y = input.samples[:length], target.samples[:length]
    delay, findings = None, ()
    if isinstance(given, str):
        try:
            delay = measure_delay(x, y, rate, blips_end=_first_blips(layout))
        except CaptureError as error:
            findings = (Finding("delay", f"{_both(input, target)}: {error}"),)
    applied = delay.applied if delay else given if isinstance(given, int) else 0
    drift = _drift(x, y, rate, layout, applied)
    if isinstance(given, str) and drift and believed(drift, FATAL_DRIFT):
        # The whole has no one delay, so what was found is its middle's or nothing.
        start = int(SHORTEST * rate)
        try:
            delay, findings = measure_delay(x[:start], y[:start], rate), ()
            applied = delay.applied
        except CaptureError:
            pass  # the drift is reason enough
    known = isinstance(given, int) or delay is not None
    return _Timing(delay, applied, known, drift, findings)


def _first_blips(layout: Layout | None) -> int | None:
    """Where the first pair of clicks is over; later ones are for drift."""
    found = layout.of("blip")[:2] if layout else []
    return found[-1].end if found else None


def _drift(
    x: np.ndarray, y: np.ndarray, rate: int, layout: Layout | None, applied: int
) -> Drift | None:
    passages = _passages(y, layout, applied)
    if passages:
        first, second, apart = passages
        return drift_of_passages(first, second, apart, len(x))
    try:
        return drift_of_signals(x, y, rate, SEARCH)
    except CaptureError:
        return None


def _passages(
    y: np.ndarray, layout: Layout | None, applied: int
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """What was recorded of the passage that is played twice, and how far apart."""
    both = layout.of("validation") if layout else []
    if len(both) < 2:
        return None
    first, second = both[0], both[-1]
    length = min(
        first.end - first.start, second.end - second.start, len(y) - second.start
    )
    length -= max(0, applied)
    if length < 4096 or first.start + applied < 0:
        return None
    pieces = [y[p.start + applied :][:length] for p in (first, second)]
    return pieces[0], pieces[1], second.start - first.start


def _timed(timing: _Timing, rate: int) -> dict[str, Any]:
    delay, drift = timing.delay, timing.drift
    return {
        "delay_samples": delay.samples if delay else None,
        "delay_ms": round(1000 * delay.exact / rate, 4) if delay else None,
        "delay_method": delay.method if delay else "given" if timing.known else None,
        "polarity": delay.polarity if delay else None,
        "drift_samples": round(drift.samples, 2) if drift else None,
        "drift_ppm": round(drift.ppm, 3) if drift else None,
        "drift_uncertainty": round(drift.uncertainty, 2) if drift else None,
        "drift_method": drift.method if drift else None,
    }


# --- what it answers ---------------------------------------------------------------


def _listened_to(
    input: Audio, target: Audio, layout: Layout | None, timing: _Timing
) -> tuple[dict[str, Any], list[Finding | None]]:
    rate, name = input.sample_rate, shown(target.path.name)
    x, y = align(input.samples, target.samples, timing.applied)
    if not len(x):
        return {}, []
    passages = _passages(target.samples, layout, timing.applied)
    replicate_esr = _esr(*passages[:2]) if passages else None
    slid = timing.drift is not None and believed(timing.drift, FATAL_DRIFT)
    heard = noise(x, y, rate)
    seconds, level = shut(x, y, rate)
    # A passage that is played twice tells more of a moved knob than a guess does.
    step = None if passages else likeliest_step(x, y, rate)
    playing = rms(y)
    # Where the delay was found in the playing itself, the target answers it.
    found = timing.delay is not None and timing.delay.method == "signals"
    answer = None if found else relation(*_loudest_minute(x, y, rate))
    measured = {
        "replicate_esr": replicate_esr and float(f"{replicate_esr:.3g}"),
        "noise_dbfs": _dbfs(heard.rms) if heard else None,
        "hum_dbfs": _dbfs(heard.hum) if heard and heard.mains else None,
        "hum_hz": heard.mains if heard and heard.mains else None,
        "shut_seconds": round(seconds, 3),
        "step_db": round(step.decibels, 2) if step else None,
        "step_surprise": round(step.surprise, 2) if step else None,
    }
    return measured, [
        None if slid else check_replicates(replicate_esr, name),
        *check_noise(heard, playing, name),
        check_relation(answer, timing.applied, name),
        check_gate(seconds, level, name),
        check_steadiness(step, name),
    ]


def _loudest_minute(
    x: np.ndarray, y: np.ndarray, rate: int
) -> tuple[np.ndarray, np.ndarray]:
    size = 60 * rate
    starts = range(0, max(1, len(y) - size // 2), size)
    begin = max(starts, key=lambda start: rms(x[start : start + size]))
    return x[begin : begin + size], y[begin : begin + size]


def _esr(prediction: np.ndarray, target: np.ndarray) -> float:
    wrong = target.astype(np.float64) - prediction
    energy = float(np.sum(np.square(target, dtype=np.float64)))
    return float(np.sum(wrong**2)) / max(energy, 1e-12)


def _dbfs(level: float) -> float:
    return round(decibels(max(level, 1e-10)), 1)


def _both(input: Audio, target: Audio) -> str:
    return f"{shown(input.path.name)} and {shown(target.path.name)}"
