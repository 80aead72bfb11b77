"""From a manifest to a recording of one amp at many settings of its knobs.

Every recording is checked as any other. Some settings are kept from training and
decide which parameters are the best: what a model of knobs is for is settings that
nobody recorded. Beside them the end of each training recording may be kept, to tell
playing that was not heard from settings that were not.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, Recording
from jaxamp.core.shown import shown
from jaxamp.data.capture import one_rate
from jaxamp.data.checks import KNOB_CHECKS, Finding, refuse_unknown_checks, settle
from jaxamp.data.manifest import Entry, Manifest
from jaxamp.data.manifest_file import read_manifest
from jaxamp.data.normalise import scaled, target_gain
from jaxamp.data.parts import all_taken
from jaxamp.data.settings import confounds, kept_unseen

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
        manifest: A YAML or CSV file (see `jaxamp.data.manifest_file`).
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
