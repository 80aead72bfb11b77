"""Where the parts of a known capture signal are: blips, silences, validation passages.

A recording of a known signal tells more than any other: the same passage played twice
shows whether the amp stood still, silence shows its noise, blips its delay. The field's
standard inputs are known by the hash of the whole file alone, since they are not ours
to look into; the project's own signal also by its head and its tail, in whatever file.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple


class Part(NamedTuple):
    """A stretch of a signal, in samples; `end` is the first sample after it."""

    name: str
    """`validation`, `silence`, `blip`, `chirp`, `noise` or `playing`."""
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Layout:
    """A known signal: what is where, and what to train and validate on."""

    name: str
    version: str
    sample_rate: int
    parts: tuple[Part, ...]
    train: tuple[int, int]
    validation: tuple[int, int] | None
    """None where the signal's end is missing."""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    def of(self, name: str) -> list[Part]:
        """All parts of that name, in order."""
        return [part for part in self.parts if part.name == name]

    def later(self, samples: int) -> "Layout":
        """The same after `samples` of something else; negative where some is missing.

        Parts that would begin before the first sample are left out.
        """
        moved = [Part(n, a + samples, b + samples) for n, a, b in self.parts]
        start, end = self.train
        passage = self.validation and tuple(
            place + samples for place in self.validation
        )
        return dataclasses.replace(
            self,
            parts=tuple(part for part in moved if part.start >= 0),
            train=(max(0, start + samples), end + samples),
            validation=passage,
        )


def standard(md5: str, frames: int) -> Layout | None:
    """The field's standard input with this hash of its file, if it is one."""
    known = STANDARD.get(md5)
    if known is None:
        return None
    return _laid_out(*known, frames)


STANDARD: Mapping[str, tuple[str, int]] = {
    "36cd1af62985c2fac3e654333e36431e": ("3.0.0", 48_000),
    "ede3b9d82135ce10c7ace3bb27469422": ("2.0.0", 48_000),
    "7c3b6119c74465f79d96c761a0e27370": ("1.1.1", 48_000),
    "4d54a958861bf720ec4637f43d44a7ef": ("1.0.0", 48_000),
    "80e224bd5622fd6153ff1fd9f34cb3bd": ("Proteus", 44_100),
}
"""MD5 of the file -> version and sample rate."""


def _laid_out(version: str, rate: int, frames: int) -> Layout:
    """The table of the field, counted from the end of the file where it does so."""

    def at(name: str, start: float, end: float) -> Part:
        return Part(name, round(start * rate), round(end * rate))

    if version == "3.0.0":
        parts = [
            at("validation", 0, 9),
            at("silence", 9, 10),
            at("blip", 10.5, 11.5),
            at("blip", 11.5, 12),
            at("chirp", 12, 15),
            at("noise", 15, 17),
            at("playing", 17, 180.5),
            at("silence", 180.5, 181),
            Part("validation", frames - 432_000, frames),
        ]
        train, validation = (480_000, frames - 432_000), (frames - 432_000, frames)
    elif version == "2.0.0":
        parts = [
            at("blip", 0.5, 1.5),
            at("blip", 1.5, 2),
            at("chirp", 2, 5),
            at("noise", 5, 7),
            at("playing", 7, 170.5),
            at("silence", 170.5, 171),
            at("validation", 171, 180),
            at("validation", 180, 189),
            at("blip", 189.5, 190.5),
            at("blip", 190.5, 191),
        ]
        train = (0, frames - 960_000)
        validation = (frames - 960_000, frames - 528_000)
    elif version == "Proteus":
        parts = [
            at("blip", 0, 0.5),
            at("blip", 0.5, 1),
            at("chirp", 1, 9),
            at("noise", 9, 20.3),
            Part("playing", round(20.3 * rate), 9_298_872),
        ]
        train, validation = (0, frames - 441_000), (frames - 441_000, frames)
    else:
        parts = [Part("blip", 12_000, 36_000), Part("blip", 36_000, 48_000)]
        train, validation = (0, frames - 432_000), (frames - 432_000, frames)
    return Layout("standard input", version, rate, tuple(parts), train, validation)
