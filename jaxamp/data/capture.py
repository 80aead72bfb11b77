"""From files to a recording: read, checked, aligned and split.

Nothing has to be prepared: own recordings need no clicks and no digital silence. What
was found on the way (delays, levels, where the split lies) is kept in the recording's
`findings`, so that a run can tell what it has learned from.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, CaptureError, ConfigError, Recording
from jaxamp.data.audio import Audio, read_audio, shown
from jaxamp.data.checks import (
    check_lengths,
    check_pair,
    peak_dbfs,
    refuse_unknown_checks,
    rms_dbfs,
    settle,
)
from jaxamp.data.normalise import scaled, target_gain
from jaxamp.dsp.align import Delay, align
from jaxamp.dsp.delay import measure_delay

CONTEXT_SECONDS = 2.0
"""Of real input kept before the validation passage, to warm a model on."""

LARGEST_VALIDATION = 0.2
"""The share of the last pair that validation takes at most."""


def capture(
    input: str | None = None,
    target: str | None = None,
    *,
    pairs: Sequence[Mapping[str, Any]] | None = None,
    validation_input: str | None = None,
    validation_target: str | None = None,
    delay: int | str = "auto",
    validation_seconds: float = 9.0,
    channel: int | str | None = None,
    normalize_dbfs: float | None = None,
    trim: bool = False,
    ignore_checks: Collection[str] = (),
) -> Recording:
    """Reads an amp's recordings, takes their delay out, keeps some for validation.

    The validation passage is the end of the last pair: one stretch of unheard
    playing, at most a fifth of that pair. The pairs before it train whole. Training
    ends with the sample at which validation begins; the `context` of the passage
    repeats up to two seconds of input before it, never of target.

    Args:
        pairs: Several recordings of one amp, each `{input, target, delay?}`, instead
            of `input` and `target`.
        validation_input: With `validation_target`, a file of its own for validation;
            the pairs then train to their end.
        delay: `auto` measures every pair and takes out one sample less, so that no
            target precedes its cause; a number is taken out as it is.
        normalize_dbfs: The RMS that all training targets together are scaled to;
            validation targets are scaled alike.
        ignore_checks: Names out of `jaxamp.data.CHECKS`.

    Raises:
        ConfigError: nothing to read, or too much.
        CaptureError: a recording that cannot be learned from.
    """
    refuse_unknown_checks(ignore_checks)
    wanted = _pairs(input, target, pairs, delay)
    apart = _validation_pair(validation_input, validation_target, delay)
    refuse_seconds(validation_seconds)
    options = _Options(channel, trim, ignore_checks)
    taken = [_take(pair, options) for pair in wanted]
    held_out = [_take(pair, options) for pair in apart]
    return recorded(taken, held_out, validation_seconds, normalize_dbfs)


@dataclasses.dataclass(frozen=True)
class _Pair:
    input: str
    target: str
    delay: int | str


@dataclasses.dataclass(frozen=True)
class _Options:
    channel: int | str | None
    trim: bool
    ignore_checks: Collection[str]


@dataclasses.dataclass
class Taken:
    """An aligned pair, and what was found."""

    input: np.ndarray
    target: np.ndarray
    sample_rate: int
    name: str
    findings: dict[str, Any]


# --- what was asked for ------------------------------------------------------------


def _pairs(
    input: str | None,
    target: str | None,
    pairs: Sequence[Mapping[str, Any]] | None,
    delay: int | str,
) -> list[_Pair]:
    if pairs:
        if input or target:
            raise ConfigError(
                "Both pairs and input/target are given; one of them is meant. "
                "Move the single pair into the list, or leave pairs away."
            )
        return [_pair(each, delay) for each in pairs]
    if not input and not target:
        raise ConfigError(
            "No recording is given. Set data.input and data.target to the file that "
            "was played into the amp and the one that came out, or data.pairs to a "
            "list of {input: …, target: …}."
        )
    if not input or not target:
        given, missing = ("input", "target") if input else ("target", "input")
        raise ConfigError(
            f"{given} is given without {missing}: a capture needs both the file that "
            "was played into the amp and the recording of what came out."
        )
    return [_Pair(str(input), str(target), _delay(delay))]


def _pair(given: Mapping[str, Any], delay: int | str) -> _Pair:
    if not isinstance(given, Mapping) or not {"input", "target"} <= set(given):
        raise ConfigError(
            f"pairs holds {given!r}; each pair is {{input: FILE, target: FILE}}, "
            "with delay: SAMPLES where it is known."
        )
    unknown = sorted(set(given) - {"input", "target", "delay"})
    if unknown:
        raise ConfigError(
            f"A pair has the key {unknown[0]!r}; input, target and delay are allowed."
        )
    own = given.get("delay")
    return _Pair(
        str(given["input"]),
        str(given["target"]),
        _delay(delay if own is None else own),
    )


def _validation_pair(
    input: str | None, target: str | None, delay: int | str
) -> list[_Pair]:
    if not input and not target:
        return []
    if not input or not target:
        raise ConfigError(
            "validation_input and validation_target belong together; one is missing. "
            "Give both, or neither to validate on the end of the recording."
        )
    return [_Pair(str(input), str(target), _delay(delay))]


def _delay(value: int | str) -> int | str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value == "auto" or whole:
        return value
    raise ConfigError(
        f"delay={value!r} is neither auto nor a whole number of samples. "
        "Milliseconds times the sample rate, over 1000, gives samples."
    )


def refuse_seconds(validation_seconds: float) -> None:
    """Raises ConfigError for a validation passage of no length."""
    if not 0 < validation_seconds < float("inf"):
        raise ConfigError(
            f"validation_seconds={validation_seconds} must lie above 0: without a "
            "validation passage the best parameters could not be told. 9 is usual."
        )


# --- one pair ----------------------------------------------------------------------


def _take(pair: _Pair, options: _Options) -> Taken:
    input = read_audio(pair.input, options.channel)
    target = read_audio(pair.target, options.channel)
    warnings = check_pair(input, target, options.ignore_checks)
    applied, measured = _measured(pair, input, target)
    lengths = None if options.trim else check_lengths(input, target, applied)
    warnings += settle([lengths], options.ignore_checks)
    x, y = align(input.samples, target.samples, applied)
    if not len(x):
        raise CaptureError(
            f"Nothing is left of {shown(pair.target)} after a delay of {applied} "
            f"samples is taken out: it holds {len(target.samples)}. Check the delay."
        )
    findings = {
        "input": described(input),
        "target": described(target),
        "seconds": len(x) / input.sample_rate,
        "delay": {"applied": applied} | _told(measured),
        "warnings": warnings + _delay_warnings(measured, shown(target.path.name)),
    }
    return Taken(x, y, input.sample_rate, target.path.stem, findings)


def _measured(pair: _Pair, input: Audio, target: Audio) -> tuple[int, Delay | None]:
    if not isinstance(pair.delay, str):
        return pair.delay, None
    try:
        delay = measure_delay(input.samples, target.samples, input.sample_rate)
    except CaptureError as error:
        names = f"{shown(input.path.name)} and {shown(target.path.name)}"
        raise CaptureError(f"{names}: {error}") from error
    return delay.applied, delay


def _told(delay: Delay | None) -> dict[str, Any]:
    if delay is None:
        return {"method": "given"}
    told = dataclasses.asdict(delay)
    told.pop("warnings")
    return told


def _delay_warnings(delay: Delay | None, name: str) -> list[str]:
    if delay is None:
        return []
    warnings = list(delay.warnings)
    if delay.polarity < 0:
        warnings.append(
            f"{name} looks upside down against its input (polarity -1). That is kept: "
            "the model will invert as the recording does."
        )
    if delay.samples < 0:
        warnings.append(
            f"{name} seems to answer {-delay.samples} samples before it is asked, "
            "within what can be measured; the delay is taken to be 0."
        )
    return warnings


def described(audio: Audio) -> dict[str, Any]:
    """What findings say of a file."""
    with audio.path.open("rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    return {
        "file": shown(audio.path.name),
        "md5": digest,
        "subtype": audio.subtype,
        "samples": len(audio.samples),
        "peak_dbfs": round(peak_dbfs(audio.samples), 2),
        "rms_dbfs": round(rms_dbfs(audio.samples), 2),
    }


# --- all of them -------------------------------------------------------------------


def recorded(
    taken: Sequence[Taken],
    held_out: Sequence[Taken],
    validation_seconds: float,
    normalize_dbfs: float | None,
) -> Recording:
    """The recording that pairs make: split, scaled and described.

    Args:
        taken: To train on, and to validate on the end of unless some are held out;
            each needs `delay` and `warnings` among its findings, and is told where
            its passages lie.
        held_out: To validate on.
    """
    together = [*taken, *held_out]
    sample_rate = _one_rate(together)
    train, validation = _split(taken, held_out, validation_seconds, sample_rate)
    gain = target_gain(train, normalize_dbfs)
    return Recording(
        train=tuple(scaled(each, gain) for each in train),
        validation=tuple(scaled(each, gain) for each in validation),
        sample_rate=sample_rate,
        target_gain=gain,
        findings=_findings(together, sample_rate, gain, normalize_dbfs),
    )


def _one_rate(taken: Sequence[Taken]) -> int:
    first = taken[0]
    for each in taken[1:]:
        if each.sample_rate != first.sample_rate:
            raise CaptureError(
                f"The pairs differ in sample rate: {shown(first.name)} has "
                f"{first.sample_rate} Hz, {shown(each.name)} has {each.sample_rate} "
                "Hz. A model runs at one rate; export all pairs at the same."
            )
    return first.sample_rate


def _split(
    taken: Sequence[Taken],
    held_out: Sequence[Taken],
    validation_seconds: float,
    sample_rate: int,
) -> tuple[list[Capture], list[Capture]]:
    for each in taken:
        _note(each, "train", 0, len(each.input))
    for each in held_out:
        _note(each, "validation", 0, len(each.input))
    if held_out:
        return [_whole(each) for each in taken], [_whole(each) for each in held_out]
    last = taken[-1]
    length = len(last.input)
    most = int(LARGEST_VALIDATION * length)
    wanted = round(validation_seconds * sample_rate)
    split = length - min(wanted, most)
    if split == length:
        raise CaptureError(
            f"{shown(last.name)} has {length} samples, too few to keep a fifth for "
            "validation. Record more, or give validation files."
        )
    if wanted > most:
        last.findings["warnings"].append(
            f"{shown(last.name)} is short: the last {most / sample_rate:.2f} s "
            f"validate, a fifth of it, instead of {validation_seconds:g} s."
        )
    _note(last, "train", 0, split)
    _note(last, "validation", split, length)
    start = max(0, split - round(CONTEXT_SECONDS * sample_rate))
    train = [_whole(each) for each in taken[:-1]]
    train.append(Capture(last.input[:split], last.target[:split], name=last.name))
    passage = Capture(
        last.input[split:], last.target[split:], last.input[start:split], last.name
    )
    return train, [passage]


def _whole(taken: Taken) -> Capture:
    return Capture(taken.input, taken.target, name=taken.name)


def _note(taken: Taken, use: str, start: int, end: int) -> None:
    """Where a passage lies in the input file, in seconds."""
    skipped = max(0, -taken.findings["delay"]["applied"])
    taken.findings[use] = {
        "start_seconds": (start + skipped) / taken.sample_rate,
        "end_seconds": (end + skipped) / taken.sample_rate,
    }


def _findings(
    taken: Sequence[Taken],
    sample_rate: int,
    gain: float,
    normalize_dbfs: float | None,
) -> dict[str, Any]:
    return {
        "sample_rate": sample_rate,
        "target_gain": gain,
        "normalize_dbfs": normalize_dbfs,
        "pairs": [each.findings for each in taken],
        "warnings": [text for each in taken for text in each.findings["warnings"]],
    }
