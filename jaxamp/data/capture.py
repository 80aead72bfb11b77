"""From files to a recording: read, checked, aligned and split.

Nothing has to be prepared: own recordings need no clicks and no digital silence. What
was found on the way (delays, levels, where the split lies) is kept in the recording's
`findings`, so that a run can tell what it has learned from.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, CaptureError, ConfigError, Recording
from jaxamp.data.audio import Audio, read_audio, shown
from jaxamp.data.checks import (
    peak_dbfs,
    refuse_unknown_checks,
    rms_dbfs,
    settle,
)
from jaxamp.data.examine import Examination, examine, md5
from jaxamp.data.layouts import Layout
from jaxamp.data.normalise import scaled, target_gain
from jaxamp.dsp.align import Delay, align

CONTEXT_SECONDS = 2.0
"""Of real input kept before the validation passage, to warm a model on."""

VALIDATION_SECONDS = 9.0
"""What validates where the input is no signal that has a passage for it."""

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
    validation_seconds: float | None = None,
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

    Where the input is a known capture signal, its own parts count: it trains on what
    is made for that, and validates on its validation passage.

    Args:
        pairs: Several recordings of one amp, each `{input, target, delay?}`, instead
            of `input` and `target`.
        validation_seconds: Of the last pair's end; None is 9, or a known signal's own
            passage. A number takes the end of a known signal too, and trains on all
            that is before it.
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
    if validation_seconds is not None:
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
    layout: Layout | None = None
    """Of a known signal: where its parts are in the aligned input."""


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
    """Raises ConfigError where nothing would be validated on."""
    number = isinstance(validation_seconds, int | float)
    if not (number and 0 < validation_seconds < float("inf")):
        raise ConfigError(
            f"validation_seconds={validation_seconds} must lie above 0: without a "
            "validation passage the best parameters could not be told. 9 is usual."
        )


# --- one pair ----------------------------------------------------------------------


def _take(pair: _Pair, options: _Options) -> Taken:
    input = read_audio(pair.input, options.channel)
    target = read_audio(pair.target, options.channel)
    examined = examine(input, target, delay=pair.delay, trim=options.trim)
    return taken_out(input, target, examined, options.ignore_checks)


def taken_out(
    input: Audio, target: Audio, examined: Examination, ignore_checks: Collection[str]
) -> Taken:
    """The pair with its delay taken out.

    Raises:
        CaptureError: A fault that is not waived, or nothing is left.
    """
    warnings = settle(examined.findings, ignore_checks)
    x, y = align(input.samples, target.samples, examined.applied)
    if not len(x):
        raise CaptureError(
            f"Nothing is left of {shown(target.path)} after a delay of "
            f"{examined.applied} samples is taken out: it holds "
            f"{len(target.samples)}. Check the delay."
        )
    findings = {
        "input": described(input),
        "target": described(target),
        "seconds": len(x) / input.sample_rate,
        "delay": {"applied": examined.applied} | _told(examined.delay),
        "checks": examined.record(ignore_checks),
        "warnings": warnings,
    }
    layout = examined.layout and examined.layout.later(min(0, examined.applied))
    return Taken(x, y, input.sample_rate, target.path.stem, findings, layout)


def _told(delay: Delay | None) -> dict[str, Any]:
    if delay is None:
        return {"method": "given"}
    told = dataclasses.asdict(delay)
    told.pop("warnings")
    return told


def described(audio: Audio) -> dict[str, Any]:
    """What findings say of a file."""
    return {
        "file": shown(audio.path.name),
        "md5": md5(audio),
        "subtype": audio.subtype,
        "samples": len(audio.samples),
        "peak_dbfs": round(peak_dbfs(audio.samples), 2),
        "rms_dbfs": round(rms_dbfs(audio.samples), 2),
    }


# --- all of them -------------------------------------------------------------------


def recorded(
    taken: Sequence[Taken],
    held_out: Sequence[Taken],
    validation_seconds: float | None,
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
    sample_rate = one_rate(together)
    train, validation = _split(taken, held_out, validation_seconds, sample_rate)
    gain = target_gain(train, normalize_dbfs)
    return Recording(
        train=tuple(scaled(each, gain) for each in train),
        validation=tuple(scaled(each, gain) for each in validation),
        sample_rate=sample_rate,
        target_gain=gain,
        findings=_findings(together, sample_rate, gain, normalize_dbfs),
    )


def one_rate(taken: Sequence[Taken]) -> int:
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
    validation_seconds: float | None,
    sample_rate: int,
) -> tuple[list[Capture], list[Capture]]:
    by_parts = validation_seconds is None
    stretches = [training_stretch(each, by_parts) for each in taken]
    if held_out:
        passages = [piece(each, "validation", 0, len(each.input)) for each in held_out]
    else:
        last = taken[-1]
        passage = known_passage(last) if by_parts else None
        passage = passage or _end(last, validation_seconds, sample_rate)
        start, end = stretches[-1]
        # Of a known signal cut short, what is made to train on may lie behind.
        start = start if start < passage[0] else 0
        stretches[-1] = (start, min(end, passage[0]))
        passages = [piece(last, "validation", *passage)]
    train = [
        piece(each, "train", *stretch)
        for each, stretch in zip(taken, stretches, strict=True)
    ]
    return train, passages


def training_stretch(taken: Taken, by_parts: bool) -> tuple[int, int]:
    length = len(taken.input)
    if not by_parts or taken.layout is None:
        return 0, length
    start, end = taken.layout.train
    # A recording that stopped early may hold little of what is made to train on.
    return (start, min(end, length)) if start < length else (0, length)


def known_passage(taken: Taken) -> tuple[int, int] | None:
    """The validation passage of a known signal, as far as it was recorded."""
    passage = taken.layout.validation if taken.layout else None
    if passage is None or passage[0] >= len(taken.input):
        return None
    return passage[0], min(passage[1], len(taken.input))


def _end(taken: Taken, seconds: float | None, sample_rate: int) -> tuple[int, int]:
    """The end of a recording, at most a fifth of it."""
    length = len(taken.input)
    most = int(LARGEST_VALIDATION * length)
    wanted_seconds = VALIDATION_SECONDS if seconds is None else seconds
    wanted = round(wanted_seconds * sample_rate)
    split = length - min(wanted, most)
    if split == length:
        raise CaptureError(
            f"{shown(taken.name)} has {length} samples, too few to keep a fifth for "
            "validation. Record more, or give validation files."
        )
    if wanted > most:
        taken.findings["warnings"].append(
            f"{shown(taken.name)} is short: the last {most / sample_rate:.2f} s "
            f"validate, a fifth of it, instead of {wanted_seconds:g} s."
        )
    return split, length


def piece(taken: Taken, use: str, start: int, end: int) -> Capture:
    """A stretch of a recording, with the input before it as context."""
    _note(taken, use, start, end)
    before = max(0, start - round(CONTEXT_SECONDS * taken.sample_rate))
    return Capture(
        taken.input[start:end],
        taken.target[start:end],
        taken.input[before:start],
        taken.name,
    )


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
