"""The recordings that a manifest lists: read, checked, aligned by one latency."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, CaptureError
from jaxamp.core.shown import shown
from jaxamp.data.audio import LARGEST, Audio, read_audio
from jaxamp.data.capture import (
    CONTEXT_SECONDS,
    Taken,
    known_passage,
    piece,
    taken_out,
    training_stretch,
)
from jaxamp.data.checks import CHECKS, check_rates
from jaxamp.data.examine import Examination, examine
from jaxamp.data.manifest import Entry, Manifest

AGREE_SECONDS = 1e-3
"""By which delays of one amp may differ: its filters delay more at some settings."""


TIMING = ("delay", "polarity")
"""Checks of one recording's own delay, which says little where it is not used: of a
tone stack's settings some look upside down, and a loud amp seems to answer later."""


ODD_SHARE = 1 / 3
"""Of delays that disagree with the others, from which that is worth a word."""


Pairs = list[tuple[Audio, Audio]]


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
