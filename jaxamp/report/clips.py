"""Clips that a page plays: embedded without loss, and equally loud.

They are FLAC of 24 bits, which every browser decodes and whose own error is below
1e-13 of a full-scale signal's energy; that of a lossy codec would drown the model's.
"""

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import soundfile

from jaxamp.core import CaptureError
from jaxamp.dsp.level import GATE_LUFS, amplitude, decibels, lufs

BITS = 24
"""Of a sample, unless told otherwise."""

LARGEST = (1 << 23) - 1
"""Of the whole numbers in a FLAC file of 24 bits."""

LOUDEST = 0.98
"""The peak that no clip is played above."""

SILENT = 1e-9
"""A peak too small to divide by."""

MOST_RAISED_DB = 60.0
"""What a quiet clip can be raised by at most."""

Clips = dict[str, dict[str, Any]]
"""name -> flac (base64), label, gain, plain, louder_db, lufs, unmeasured, halvings"""


def clips(
    audio: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    target: str = "target",
    difference: str | None = None,
    labels: Mapping[str, str] | None = None,
    bits: int = BITS,
) -> Clips:
    """Several signals of one length as clips of a page.

    Each clip says with what `gain` it is as loud as the target, and with what gain
    (`plain`) all are as loud as they were to one another; both leave every peak below
    full scale. What is too quiet to be measured is not matched, and says so.

    Args:
        audio: name -> samples `[t]`, any level.
        target: What the others are matched to.
        difference: The clip that is played as the target is, so that it is heard as
            small as it is; `louder_db` says what would make it as loud.
        labels: What people read instead of the names.
        bits: That samples are rounded to; fewer make smaller files.

    Raises:
        CaptureError: Signals of unlike lengths, or numbers that are none.

    Source:
        Loudness: ITU-R BS.1770-4, by `jaxamp.dsp.level.lufs`.
    """
    refuse_unplayable(audio)
    loudness = {name: lufs(one, sample_rate) for name, one in audio.items()}
    peaks = {name: float(np.max(np.abs(one))) for name, one in audio.items()}
    gains = {
        name: 1.0 if name == difference else matching(loud, loudness[target])
        for name, loud in loudness.items()
    }
    highest = max(peaks[name] * max(gain, 1.0) for name, gain in gains.items())
    room = min(1.0, LOUDEST / max(highest, SILENT))
    made: Clips = {}
    for name, one in audio.items():
        file, halvings = flac(one, sample_rate, bits)
        made[name] = {
            "flac": base64.b64encode(file).decode(),
            "label": (labels or {}).get(name, name),
            "gain": room * gains[name] * 2.0**halvings,
            "plain": room * 2.0**halvings,
            "louder_db": 0.0,
            "lufs": loudness[name],
            "unmeasured": loudness[name] == GATE_LUFS,
            "halvings": halvings,
        }
    if difference:
        wanted = decibels(matching(loudness[difference], loudness[target]))
        possible = decibels(LOUDEST / max(room * peaks[difference], SILENT))
        raised = min(wanted, possible, MOST_RAISED_DB)
        made[difference]["louder_db"] = max(0.0, math.floor(10 * raised) / 10)
    return made


def refuse_unplayable(audio: Mapping[str, np.ndarray]) -> None:
    """Raises CaptureError for signals that cannot be played in step."""
    sizes = {name: np.shape(one) for name, one in audio.items()}
    if len(set(sizes.values())) > 1 or any(
        len(s) != 1 or not s[0] for s in sizes.values()
    ):
        raise CaptureError(
            f"Clips must be mono, of one length and not empty; given are {sizes}."
        )
    odd = [name for name, one in audio.items() if not np.all(np.isfinite(one))]
    if odd:
        raise CaptureError(
            f"{odd[0]} has samples that are not finite, so it cannot be played. A "
            "model that diverged plays such; train it again with a lower learning rate."
        )


def matching(loudness: float, wanted: float) -> float:
    """The gain from one loudness in LUFS to another; 1 where either is silence."""
    if GATE_LUFS in (loudness, wanted):
        return 1.0
    return amplitude(wanted - loudness)


def flac(x: np.ndarray, sample_rate: int, bits: int = BITS) -> tuple[bytes, int]:
    """A signal `[t]` as a FLAC file of 24 bits, and how often it was halved to fit.

    Nothing is clipped, and nothing changes but for rounding to the last of the bits of
    the halved signal. With fewer than 24, those below are zero and take no room.
    """
    step = 2.0 ** (BITS - bits)
    halvings = 0
    while True:
        scale = (LARGEST + 1) / 2.0**halvings / step
        exact = step * np.rint(scale * np.asarray(x, np.float64))
        if np.max(exact) <= LARGEST and np.min(exact) >= -LARGEST - 1:
            break
        halvings += 1
    whole = exact.astype(np.int32) << 8
    out = io.BytesIO()
    soundfile.write(out, whole, sample_rate, format="FLAC", subtype="PCM_24")
    return out.getvalue(), halvings
