"""Spectrograms as small pictures: time to the right, pitch upwards, brighter is louder.

Frequency is logarithmic, as on a fretboard: each octave is as high as any other.
"""

import base64
import struct
import zlib
from typing import Any

import numpy as np
import scipy  # imports its parts when they are first used

COLUMNS, ROWS = 480, 160
"""Pixels; a minute or a second are as wide."""

WINDOW = 2048
"""Samples heard at once: 43 ms at 48 kHz, and 23 Hz apart."""

LOWEST_HERTZ = 50.0

DEPTH_DB = 80.0
"""From the brightest to the darkest colour."""

COLORS = 64
"""Steps of the palette, each 1.25 dB."""


def spectrogram(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of each band of frequencies at each moment, in dB, low bands first.

    A band has the mean power between its edges, read from the running sum over
    frequency, so that bands narrower and wider than a bin are measured alike.

    Shapes:
        audio `[t]` -> `[ROWS, COLUMNS]`
    """
    centres = np.linspace(0, audio.size, COLUMNS, endpoint=False).astype(int)
    padded = np.pad(np.asarray(audio, np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[centres]
    window = scipy.signal.windows.hann(WINDOW, sym=False)
    power = np.abs(np.fft.rfft(frames * window / window.sum(), axis=1)) ** 2
    hertz = (
        np.arange(power.shape[1] + 1) * sample_rate / WINDOW - sample_rate / WINDOW / 2
    )
    running = np.concatenate([np.zeros((COLUMNS, 1)), np.cumsum(power, axis=1)], axis=1)
    ends = edges(sample_rate)
    until = np.stack([np.interp(ends, hertz, one) for one in running])
    mean = np.diff(until, axis=1) / np.diff(ends) * sample_rate / WINDOW
    return 10 * np.log10(np.maximum(mean.T, 1e-20))


def edges(sample_rate: int) -> np.ndarray:
    """Where the bands begin and end, in Hz, up to half the sample rate."""
    return np.geomspace(LOWEST_HERTZ, sample_rate / 2, ROWS + 1)


def picture(decibels: np.ndarray, loudest: float) -> str:
    """The spectrogram as a `data:` address of a PNG, low frequencies at the bottom.

    Args:
        loudest: The level of the brightest colour, so that pictures can be compared.
    """
    share = 1 + (decibels[::-1] - loudest) / DEPTH_DB
    pixels = np.clip(np.rint(share * (COLORS - 1)), 0, COLORS - 1).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(png(pixels, palette())).decode()


def palette() -> np.ndarray:
    """Colours from dark to bright `[COLORS, 3]`, told apart by the colour-blind too."""
    import matplotlib  # noqa: PLC0415 (slow to import)

    colors: Any = matplotlib.colormaps["magma"](np.linspace(0, 1, COLORS))
    return np.rint(255 * colors[:, :3]).astype(np.uint8)


def png(pixels: np.ndarray, colors: np.ndarray) -> bytes:
    """A picture of a few colours: a third of what it takes in full colour.

    Shapes:
        pixels `[rows, columns]` numbers of colours `[n, 3]`, both uint8

    Source:
        Portable Network Graphics specification, W3C 2003: colour type 3.
    """
    rows, columns = pixels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    lines = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # filter 0 before each line
    parts = {
        b"IHDR": header,
        b"PLTE": colors.tobytes(),
        b"IDAT": zlib.compress(lines, 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts.items()
    )
