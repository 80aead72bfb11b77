"""From a manifest to a recording of one amp at many settings of its knobs.

Every recording is checked as any other. Some settings are kept from training and
decide which parameters are the best: what a model of knobs is for is settings that
nobody recorded. Beside them the end of each training recording may be kept, to tell
playing that was not heard from settings that were not.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, CaptureError, ConfigError, Recording
from jaxamp.core.shown import shown
from jaxamp.data.audio import LARGEST, Audio, read_audio
from jaxamp.data.capture import (
    CONTEXT_SECONDS,
    Taken,
    known_passage,
    one_rate,
    piece,
    taken_out,
    training_stretch,
)
from jaxamp.data.checks import (
    CHECKS,
    KNOB_CHECKS,
    Finding,
    check_rates,
    refuse_unknown_checks,
    settle,
)
from jaxamp.data.examine import Examination, examine
from jaxamp.data.manifest import Entry, Manifest, read_manifest
from jaxamp.data.normalise import scaled, target_gain
from jaxamp.data.settings import confounds, kept_unseen

AGREE_SECONDS = 1e-3
"""By which delays of one amp may differ: its filters delay more at some settings."""

TIMING = ("delay", "polarity")
"""Checks of one recording's own delay, which says little where it is not used: of a
tone stack's settings some look upside down, and a loud amp seems to answer later."""

ODD_SHARE = 1 / 3
"""Of delays that disagree with the others, from which that is worth a word."""

LARGEST_SEEN = 0.5
"""The share of a training recording that may be kept to judge on."""


def knobs(
    manifest: str | None = None,
    *,
    drop: Sequence[str] = (),
    validation: Sequence[str] | None = None,
    validation_share: float = 0.2,
    split_seed: int = 0,
    seen_share: float = 0.1,
    delay: int | str = "auto",
    channel: int | str | None = None,
    normalize_dbfs: float | None = None,
    trim: bool = False,
    ignore_checks: Collection[str] = (),
) -> Recording:
    """Reads an amp's recordings at many settings of its knobs.

    Args:
        manifest: A YAML or CSV file (see `jaxamp.data.manifest`).
        drop: Knobs that are taken for not being there.
        validation: Names of recordings whose settings are kept from training; None
            takes those that the manifest marks, or else a share of all settings.
        validation_share: Of the settings, which is spread over the range and leaves
            corners and the ends of each knob to training. 0 keeps none: then the end
            of each recording decides which parameters are the best.
        split_seed: Draws which settings those are.
        seen_share: Of each training recording's end, kept from training and reported
            apart.
        delay: `auto` finds one for all, as one amp has one latency: measured for every
            recording, and of those that agree to a millisecond with the median the
            smallest is taken. `each` takes each recording's own; a number is taken
            out as it is. What a manifest says of a recording goes first, and clicks
            of a capture signal are believed of their own recording.
        normalize_dbfs: As for `jaxamp.data.capture`, over all settings together.
        ignore_checks: Names out of `jaxamp.data.checks.KNOB_CHECKS`.

    Raises:
        ConfigError: A manifest, name or number that cannot be.
        CaptureError: A recording that cannot be learned from.
    """
    refuse_unknown_checks(ignore_checks, KNOB_CHECKS)
    refuse_unlike(delay, validation_share, seen_share, split_seed)
    if not manifest:
        raise ConfigError(
            "No manifest is given. Set data.manifest to a YAML or CSV file that lists "
            "recordings and where the knobs stood; `jaxamp plan` writes one to fill in."
        )
    every = read_manifest(manifest)
    held_out = unseen(every, validation, validation_share, split_seed)
    if not held_out and not seen_share:
        raise ConfigError(
            "With validation_share=0 and seen_share=0 there is nothing to tell the "
            "best parameters by. Keep settings or the end of each recording from "
            "training."
        )
    listed = every.without(drop)
    taken, common = all_taken(listed, delay, channel, trim, ignore_checks)
    sample_rate = one_rate([one.taken for one in taken])
    train, seen, kept = [], [], []
    for i, (one, entry) in enumerate(zip(taken, listed.entries, strict=True)):
        if i in held_out:
            kept.append(one.whole(listed, entry))
        else:
            start, heard, rest = one.split(seen_share)
            train.append(one.cut(listed, entry, "train", start, heard))
            if rest:
                seen.append(one.cut(listed, entry, "seen", *rest))
    warnings = [*common, *checked(listed, held_out, ignore_checks)]
    gain = target_gain(train, normalize_dbfs)
    judges, beside = (kept, seen) if held_out else (seen, [])
    return Recording(
        train=tuple(scaled(one, gain) for one in train),
        validation=tuple(scaled(one, gain) for one in judges),
        seen=tuple(scaled(one, gain) for one in beside),
        sample_rate=sample_rate,
        target_gain=gain,
        controls=listed.names,
        findings={
            "manifest": listed.file,
            "ranges": {knob.name: [knob.low, knob.high] for knob in listed.knobs},
            "sample_rate": sample_rate,
            "target_gain": gain,
            "normalize_dbfs": normalize_dbfs,
            "pairs": [one.taken.findings for one in taken],
            "warnings": warnings,
        },
    )


# --- what was asked for --------------------------------------------------------------


def refuse_unlike(
    delay: Any, validation_share: Any, seen_share: Any, split_seed: Any
) -> None:
    """Raises ConfigError for options that cannot be."""
    whole = isinstance(delay, int) and not isinstance(delay, bool)
    if not (delay in ("auto", "each") or whole):
        raise ConfigError(
            f"delay={delay!r} must be auto (one for all), each (measured for every "
            "recording) or a whole number of samples."
        )
    shares = {"validation_share": validation_share, "seen_share": seen_share}
    for key, value in shares.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= LARGEST_SEEN):
            raise ConfigError(f"{key}={value!r} must be from 0 to {LARGEST_SEEN:g}.")
    if not isinstance(split_seed, int) or split_seed < 0:
        raise ConfigError(
            f"split_seed={split_seed!r} must be a whole number from 0 on."
        )


def unseen(
    manifest: Manifest, validation: Sequence[str] | None, share: float, seed: int
) -> set[int]:
    """Which recordings are kept from training: all those of some settings.

    Raises:
        ConfigError: A name that no recording has, or nothing is left to train on.
    """
    entries = manifest.entries
    if validation is not None:
        names = listed_names(validation)
        kept = {one.values for name in names for one in named(manifest, name)}
    elif any(one.validation for one in entries):
        kept = {one.values for one in entries if one.validation}
    elif share:
        settings = distinct(entries)
        positions = np.array([manifest.positions(one) for one in settings])
        kept = {settings[i].values for i in kept_unseen(positions, share, seed)}
    else:
        kept = set()
    held_out = {i for i, one in enumerate(entries) if one.values in kept}
    if len(held_out) == len(entries):
        raise ConfigError(
            f"All recordings of {manifest.file} would validate, and none is left to "
            "train on. Keep fewer settings from training."
        )
    return held_out


def distinct(entries: Iterable[Entry]) -> list[Entry]:
    """The first recording of each setting."""
    return [*{one.values: one for one in reversed([*entries])}.values()][::-1]


def listed_names(validation: Any) -> list[str]:
    """The names given."""
    if isinstance(validation, str) or not isinstance(validation, Sequence):
        raise ConfigError(
            f"validation={validation!r} must be a list of recordings' names."
        )
    return [str(name) for name in validation]


def named(manifest: Manifest, name: str) -> list[Entry]:
    """The recordings of a name."""
    found = [one for one in manifest.entries if one.name == name]
    if not found:
        names = dict.fromkeys(one.name for one in manifest.entries)
        raise ConfigError(
            f"validation names {shown(name, 80)!r}, and {manifest.file} lists no such "
            f"recording. It lists: {'; '.join([*names][:40])}."
        )
    return found


def checked(
    manifest: Manifest, held_out: Collection[int], ignore_checks: Collection[str]
) -> list[str]:
    """What is to be said of the settings.

    Raises:
        CaptureError: Something in them cannot be learned, and that is not waived.
    """
    if not manifest.knobs:
        return []
    entries = manifest.entries
    train = distinct(one for i, one in enumerate(entries) if i not in held_out)
    judges = distinct(entries[i] for i in sorted(held_out))

    def rows(some: Sequence[Entry]) -> np.ndarray:
        found = [manifest.positions(one) for one in some]
        return np.array(found).reshape(len(some), len(manifest.knobs))

    names = [one.name for one in judges]
    found = list(confounds(manifest.names, rows(train), rows(judges), names))
    if not judges:
        found.append(
            Finding(
                "unseen",
                "No setting is kept from training: the ESR is of unheard playing at "
                "settings that were heard, and says nothing of those in between.",
                "warning",
            )
        )
    return settle(found, ignore_checks)


# --- the recordings ------------------------------------------------------------------


@dataclasses.dataclass
class Part:
    """The part of two files that is one recording, aligned."""

    taken: Taken
    before: np.ndarray
    """Input that the amp heard just before it; empty where that is not known."""

    def split(self, share: float) -> tuple[int, int, tuple[int, int] | None]:
        """Where training begins and ends, and what behind it is kept, if any."""
        start, end = training_stretch(self.taken, by_parts=True)
        passage = known_passage(self.taken)
        if passage and passage[0] > start:
            return start, min(end, passage[0]), passage if share else None
        heard = end - int(share * (end - start))
        return start, heard, (heard, end) if heard < end else None

    def whole(self, manifest: Manifest, entry: Entry) -> Capture:
        """All of it, or of a known signal what it has to validate on."""
        start, end = known_passage(self.taken) or (0, len(self.taken.input))
        return self.cut(manifest, entry, "validation", start, end)

    def cut(
        self, manifest: Manifest, entry: Entry, use: str, start: int, end: int
    ) -> Capture:
        """A stretch, and where the knobs stood."""
        made = piece(self.taken, use, start, end)
        most = round(CONTEXT_SECONDS * self.taken.sample_rate)
        context = np.concatenate([self.before, made.context]) if start < most else None
        return dataclasses.replace(
            made,
            context=made.context if context is None else context[-most:],
            name=entry.name,
            controls=np.asarray(manifest.positions(entry), np.float32),
        )


def all_taken(
    manifest: Manifest,
    delay: int | str,
    channel: int | str | None,
    trim: bool,
    ignore_checks: Collection[str],
) -> tuple[list[Part], list[str]]:
    """Every recording, checked and aligned, and warnings about all of them."""
    pairs, befores = read_parts(manifest, channel)
    pair_checks = [name for name in ignore_checks if name in CHECKS]
    looked = []
    for entry, (x, y) in zip(manifest.entries, pairs, strict=True):
        known = entry.delay if entry.delay is not None else delay
        wanted = "auto" if known == "each" else known
        looked.append(examine(x, y, delay=wanted, trim=trim))
    warnings: list[str] = []
    if delay == "auto":
        looked, warnings = of_one_latency(manifest, pairs, looked, trim)
    made = []
    for entry, (x, y), before, examined in zip(
        manifest.entries, pairs, befores, looked, strict=True
    ):
        taken = in_words(entry, x, y, examined, pair_checks)
        about = dict(zip(manifest.names, entry.values, strict=True))
        taken.findings |= {"name": entry.name, "setting": about, **place(entry)}
        dropped = x.samples[: max(0, -examined.applied)]
        made.append(Part(taken, np.concatenate([before, dropped])))
        warnings += [f"{entry.name}: {text}" for text in taken.findings["warnings"]]
    return made, warnings


def in_words(
    entry: Entry,
    x: Audio,
    y: Audio,
    examined: Examination,
    ignore_checks: Sequence[str],
) -> Taken:
    """The recording, or what is wrong with it and at which setting."""
    try:
        return taken_out(x, y, examined, ignore_checks)
    except CaptureError as error:
        raise CaptureError(f"At {entry.name}: {error}") from error


def place(entry: Entry) -> Mapping[str, Any]:
    """Which part of its files a recording is, where it is not all."""
    about = {
        "start_seconds": entry.start_seconds or None,
        "target_start_seconds": entry.target_start_seconds,
        "part_seconds": entry.seconds,
    }
    return {key: value for key, value in about.items() if value is not None}


Pairs = list[tuple[Audio, Audio]]


def read_parts(
    manifest: Manifest, channel: int | str | None = None
) -> tuple[Pairs, list[np.ndarray]]:
    """Input and target of every recording, and what was played just before each.

    Raises:
        CaptureError: A file that cannot be read or is shorter than its part, or rates
            that differ.
    """
    files: dict[str, Audio] = {}
    pairs = [both(files, entry, channel) for entry in manifest.entries]
    return pairs, [heard_before(files, entry) for entry in manifest.entries]


def both(
    files: dict[str, Audio], entry: Entry, channel: int | str | None
) -> tuple[Audio, Audio]:
    """The part of the input and of the target that is meant; each file is read once."""
    for path in (entry.input, entry.target):
        if path not in files:
            files[path] = read_audio(path, channel)
            if sum(audio.frames for audio in files.values()) > LARGEST:
                raise CaptureError(
                    f"The recordings are longer than {LARGEST / 48_000 / 3600:g} hours "
                    "together, more than is read into memory. List fewer."
                )
    input, target = files[entry.input], files[entry.target]
    check_rates(input, target)
    begin, other = entry.start_seconds, entry.target_start_seconds
    x = part(input, entry, begin)
    y = part(target, entry, begin if other is None else other)
    if entry.seconds is None and (begin or other):
        size = min(x.frames, y.frames)
        x, y = shortened(x, size), shortened(y, size)
    return x, y


def part(audio: Audio, entry: Entry, start_seconds: float) -> Audio:
    """A part of a file.

    Raises:
        CaptureError: The file is shorter.
    """
    rate = audio.sample_rate
    start = round(start_seconds * rate)
    size = None if entry.seconds is None else round(entry.seconds * rate)
    end = audio.frames if size is None else start + size
    if start >= audio.frames or end > audio.frames or end <= start:
        asked = "to its end" if size is None else f"to {end / rate:.3f} s"
        raise CaptureError(
            f"{shown(audio.path.name)} has {audio.frames / rate:.3f} s, and "
            f"{entry.name} is to be its part from {start / rate:.3f} s {asked}. Check "
            "start_seconds, target_start_seconds and seconds."
        )
    cut = audio.samples[start:end]
    return dataclasses.replace(audio, samples=cut, frames=len(cut))


def shortened(audio: Audio, size: int) -> Audio:
    """The first so many samples."""
    return dataclasses.replace(audio, samples=audio.samples[:size], frames=size)


def heard_before(files: Mapping[str, Audio], entry: Entry) -> np.ndarray:
    """What was played just before a part, if both files go on there in step."""
    other = entry.target_start_seconds
    if not entry.start_seconds or (other is not None and other != entry.start_seconds):
        return np.zeros(0, np.float32)
    audio = files[entry.input]
    start = round(entry.start_seconds * audio.sample_rate)
    most = round(CONTEXT_SECONDS * audio.sample_rate)
    return audio.samples[max(0, start - most) : start]


# --- one latency ---------------------------------------------------------------------


def of_one_latency(
    manifest: Manifest,
    pairs: Sequence[tuple[Audio, Audio]],
    looked: Sequence[Examination],
    trim: bool,
) -> tuple[list[Examination], list[str]]:
    """The examinations with one delay for all that nobody gave or clicked."""
    guessed = [
        i
        for i, (entry, one) in enumerate(zip(manifest.entries, looked, strict=True))
        if entry.delay is None and (one.delay is None or one.delay.method != "blips")
    ]
    found = {i: delay.applied for i in guessed if (delay := looked[i].delay)}
    if not found:
        return list(looked), []
    tolerance = AGREE_SECONDS * pairs[0][0].sample_rate
    middle = float(np.median([*found.values()]))
    agreeing = [at for at in found.values() if abs(at - middle) <= tolerance]
    common = min(agreeing or [round(middle)])
    made = list(looked)
    for i in guessed:
        far = i not in found or abs(found[i] - common) > tolerance
        again = examine(*pairs[i], delay=common, trim=trim) if far else looked[i]
        made[i] = dataclasses.replace(
            again,
            applied=common,
            delay=looked[i].delay,
            findings=tuple(one for one in again.findings if one.check not in TIMING),
        )
    return made, disagreement(manifest, found, len(found) - len(agreeing), common)


def disagreement(
    manifest: Manifest, found: Mapping[int, int], odd: int, common: int
) -> list[str]:
    """A warning where delays differ so often that there may be no one latency."""
    if odd <= ODD_SHARE * len(found):
        return []
    told = ", ".join(f"{at} ({manifest.entries[i].name})" for i, at in found.items())
    return [
        f"The delays of the recordings differ: {shown(told, 400)} samples; {common} is "
        "taken out of all. If each has its own, set data.delay=each or give delay in "
        "the manifest."
    ]
