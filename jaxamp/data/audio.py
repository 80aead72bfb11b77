"""Audio files, read and written: WAV, FLAC and AIFF, one channel at a time.

A file is judged by its header before any memory is taken for it, and a file that is
written appears under its name only once it is whole. Samples are float32, full scale
is ±1; 16, 24 and 32 bit PCM and float files are read alike.
"""

import dataclasses
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from jaxamp.core import CaptureError
from jaxamp.core.cloud import fetched
from jaxamp.core.shown import shown

LARGEST = 4 * 3600 * 48_000
"""Frames times channels that are read into memory at once: four hours at 48 kHz."""

RATES = (1, 1_000_000)
"""Hz, the lowest and the highest that are read."""

_BLOCK = 1 << 18
"""Samples of all channels that are read at a time."""

_FLAC_FRAME = 8, 65_535
"""The fewest bytes that FLAC stores a run of samples in, and the most samples of it."""

_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "CAF"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": 32, "DOUBLE": 64}
_SIDES = {"left": 0, "right": 1}
_WRITTEN = {
    ".wav": ("WAV", "FLOAT"),
    ".flac": ("FLAC", "PCM_24"),
    ".aif": ("AIFF", "FLOAT"),
    ".aiff": ("AIFF", "FLOAT"),
}
_LARGEST_CHUNK = 2**32 - 4096


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says about itself."""

    path: Path
    sample_rate: int
    frames: int
    channels: int
    subtype: str
    """`PCM_16`, `PCM_24`, `PCM_32`, `FLOAT` …"""

    @property
    def step(self) -> float:
        """The distance between neighbouring values; 24 bit is taken for float."""
        return 2.0 ** (1 - _BITS.get(self.subtype, 24))


@dataclasses.dataclass(frozen=True)
class Audio(Header):
    """One channel of a file, in memory.

    Shapes:
        samples `[frames]`, float32.
    """

    samples: np.ndarray


def read_header(path: str | os.PathLike[str]) -> Header:
    """Rate, length, channels and subtype of a file, without reading its samples.

    Raises:
        CaptureError: missing, a folder, not audio, lossy, or empty.
        CloudError: a URL that cannot be read.
    """
    path = fetched(path)
    _refuse_what_is_no_file(path)
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        raise CaptureError(
            f"{shown(path)} is not audio that can be read ({error}). "
            "Give a WAV, FLAC or AIFF file."
        ) from error
    lossless = info.subtype in _BITS or info.subtype in _FLOATS
    if info.format not in _FORMATS or not lossless:
        raise CaptureError(
            f"{shown(path)} is {info.format} {info.subtype}, which loses or shifts "
            "samples. Give the original recording as WAV, FLAC or AIFF, 16, 24 or "
            "32 bit or float."
        )
    if info.frames <= 0:
        raise CaptureError(
            f"{shown(path)} is empty: it holds 0 samples. "
            "Export the recording again from your audio program."
        )
    header = Header(path, info.samplerate, info.frames, info.channels, info.subtype)
    _refuse_claims(header, info.format)
    return header


def _refuse_claims(header: Header, format: str) -> None:
    """Raises for what no recording has, or what the file has no room for."""
    low, high = RATES
    if not low <= header.sample_rate <= high:
        raise CaptureError(
            f"{shown(header.path)} claims {header.sample_rate} samples a second; {low} "
            f"to {high} are read. Its header is damaged: export the recording again."
        )
    size = header.path.stat().st_size
    if format == "FLAC":
        least, most = _FLAC_FRAME
        room = size // least * most
    else:
        bits = {**_BITS, **_FLOATS}[header.subtype]
        room = 8 * size // (bits * header.channels)
    if header.frames > room:
        raise CaptureError(
            f"{shown(header.path)} is cut short: its header promises {header.frames} "
            f"samples in {header.channels} channels, and its {size} bytes have room "
            f"for {room} at most. Export or copy it again."
        )


def read_audio(path: str | os.PathLike[str], channel: int | str | None = None) -> Audio:
    """Reads one channel of a file.

    Args:
        channel: Counted from 0, or `left` or `right`; needed where there are several.

    Raises:
        CaptureError: whatever `read_header` refuses; several channels and none named;
            NaN or infinity; more than `LARGEST` samples.
    """
    header = read_header(path)
    if header.frames * header.channels > LARGEST:
        raise CaptureError(
            f"{shown(path)} holds {header.frames} samples in {header.channels} "
            f"channels ({header.frames / header.sample_rate / 3600:.1f} hours); "
            f"at most {LARGEST} samples (4 hours of one channel at 48 kHz) are read "
            "at once. Cut it into shorter files."
        )
    done, samples = 0, np.empty(header.frames, np.float32)
    for block in _blocks(header, _BLOCK, _channel(header, channel)):
        samples[done : done + len(block)] = block
        done += len(block)
    return Audio(**vars(header), samples=samples)


def read_blocks(
    path: str | os.PathLike[str], frames: int, channel: int | str | None = None
) -> Iterator[np.ndarray]:
    """One channel in blocks of `frames` samples, the last one shorter; any length.

    Everything the header tells is checked when called, the samples while they pass.
    """
    header = read_header(path)
    return _blocks(header, frames, _channel(header, channel))


def _blocks(header: Header, frames: int, channel: int) -> Iterator[np.ndarray]:
    done, at_once = 0, max(1, min(frames, _BLOCK // header.channels))
    try:
        with soundfile.SoundFile(str(header.path)) as file:
            while done < header.frames:
                wanted = min(at_once, header.frames - done)
                block = file.read(wanted, dtype="float32", always_2d=True)
                if not len(block):
                    break
                block = np.ascontiguousarray(block[:, channel])
                _refuse_non_numbers(header, block, done)
                done += len(block)
                yield block
    except (soundfile.SoundFileError, ValueError, OSError) as error:
        raise CaptureError(
            f"{shown(header.path)} is damaged: reading stopped after {done} of "
            f"{header.frames} samples ({error}). Export or copy it again."
        ) from error
    if done < header.frames:
        raise CaptureError(
            f"{shown(header.path)} is cut short: its header promises {header.frames} "
            f"samples, {done} are there. Export or copy it again."
        )


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        folder, file, there = path.is_dir(), path.is_file(), path.exists()
    except (OSError, ValueError):
        folder = file = there = False
    if folder:
        raise CaptureError(f"{shown(path)} is a folder. Give one audio file in it.")
    if not there:
        raise CaptureError(
            f"{shown(path)} does not exist. Check the name and the folder: "
            "a relative path starts from where the command is run."
        )
    if not file:
        raise CaptureError(f"{shown(path)} is not an ordinary file. Give a WAV file.")
    if not os.access(path, os.R_OK):
        raise CaptureError(f"{shown(path)} may not be read. Change its permissions.")


def _channel(header: Header, channel: int | str | None) -> int:
    name = shown(header.path)
    if channel is None:
        if header.channels == 1:
            return 0
        raise CaptureError(
            f"{name} has {header.channels} channels, one is needed. Name it with "
            f"channel=0 to {header.channels - 1} (or left, right), or export it mono."
        )
    index = _SIDES.get(channel, channel) if isinstance(channel, str) else channel
    if isinstance(index, bool) or not isinstance(index, int):
        raise CaptureError(
            f"channel={channel!r} names no channel of {name}. "
            "Give a number counted from 0, or left or right."
        )
    if not 0 <= index < header.channels:
        raise CaptureError(
            f"channel={channel} is not in {name}, which has {header.channels}: "
            f"they are counted from 0 to {header.channels - 1}. Choose one of them."
        )
    return index


def _refuse_non_numbers(header: Header, block: np.ndarray, start: int) -> None:
    bad = np.flatnonzero(~np.isfinite(block))
    if len(bad):
        first = start + int(bad[0])
        raise CaptureError(
            f"{shown(header.path)} holds NaN or infinity: {len(bad)} samples, first "
            f"at {first / header.sample_rate:.3f} s (sample {first}). A plugin or an "
            "export went wrong there; render the file again, or cut that part out."
        )


class AudioWriter:
    """Writes a file block by block; it appears under its name only when whole.

    `.wav` and `.aiff` are 32 bit float, so that nothing clips; `.flac` is 24 bit, and
    `clipped` counts the samples that did not fit. Use it in a `with` statement: on an
    error nothing is left behind, and a file that was there before stays as it was.

    Args:
        bits: 24 makes a `.wav` or `.aiff` of whole numbers too. `write` then takes
            them as they are, int32 of which the upper 24 bits count: floats would be
            scaled to the largest number and come back one step smaller.

    Raises:
        CaptureError: an unknown suffix, a folder that is missing or cannot be written
            to, a full disk.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int,
        bits: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.clipped = 0
        self.frames = 0
        suffix = self.path.suffix.lower()
        if suffix not in _WRITTEN:
            raise CaptureError(
                f"{shown(path)} ends in {shown(suffix) or 'no suffix'}; audio is "
                f"written as {', '.join(_WRITTEN)}. Choose one of these."
            )
        self._format, self._subtype = _WRITTEN[suffix]
        self._whole = bits is not None
        if bits is not None:
            self._subtype = f"PCM_{bits}"
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._file: soundfile.SoundFile | None = None

    def __enter__(self) -> "AudioWriter":
        if self.path.is_dir():
            raise CaptureError(f"{shown(self.path)} is a folder. Give a file name.")
        try:
            self._partial.open("wb").close()
            self._file = soundfile.SoundFile(
                str(self._partial),
                "w",
                self.sample_rate,
                1,
                subtype=self._subtype,
                format=self._format,
            )
        except (OSError, soundfile.LibsndfileError) as error:
            self._discard()
            raise self._refusal(error) from error
        return self

    def write(self, block: np.ndarray) -> None:
        """Appends samples `[t]`."""
        if self._file is None:
            raise RuntimeError("AudioWriter.write needs the `with` statement around it")
        if self._format == "FLAC" and not self._whole:
            self.clipped += int(np.count_nonzero(np.abs(block) > 1))
        self.frames += len(block)
        if self._format != "FLAC" and 4 * self.frames > _LARGEST_CHUNK:
            raise CaptureError(
                f"{shown(self.path)} would grow beyond 4 GiB, more than its format "
                "holds. Write a .flac file, or process the recording in parts."
            )
        try:
            kind = np.int32 if self._whole else np.float32
            self._file.write(np.asarray(block, kind))
        except (OSError, soundfile.LibsndfileError) as error:
            raise self._refusal(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._finish()
        except (OSError, soundfile.LibsndfileError) as failure:
            self._discard()
            raise self._refusal(failure) from failure

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
        # The library's last flush reports no error; the file itself does.
        if self.frames and soundfile.info(str(self._partial)).frames != self.frames:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.replace(self._partial, self.path)

    def _discard(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except (OSError, soundfile.LibsndfileError):
                self._file = None
        self._partial.unlink(missing_ok=True)

    def _refusal(self, error: Exception) -> CaptureError:
        name, folder = shown(self.path), self.path.parent
        if not folder.is_dir():
            return CaptureError(
                f"{name} cannot be written: the folder {shown(folder)} does not exist. "
                "Create it first, or choose another."
            )
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            free = shutil.disk_usage(folder).free
            return CaptureError(
                f"{name} cannot be written: the disk is full ({free / 1e6:.0f} MB "
                f"free after {self.frames / self.sample_rate:.1f} s of audio). "
                "Free some space, or write to another disk."
            )
        return CaptureError(
            f"{name} cannot be written ({error}). Check that the folder "
            f"{shown(folder)} may be written to and that its disk is not full."
        )
