"""A first look at a run, as one picture: waveform, error, spectra, learning curve."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # imports its parts when they are first used

EXCERPT_SECONDS = 0.03
"""Length of the waveform excerpt: some periods of a low string."""

MARGINS: Mapping[str, float] = {
    "left": 0.06, "right": 0.985, "bottom": 0.065, "top": 0.9,
    "wspace": 0.15, "hspace": 0.27,
}  # fmt: skip
"""Of the picture, in parts of it; measuring every label takes as long as drawing."""

TARGET, PREDICTION, ERROR = "#444444", "#d95f02", "#1b7f8c"


def first_look(
    path: Path,
    *,
    title: str,
    prediction: np.ndarray,
    target: np.ndarray,
    sample_rate: int,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Draws the picture; it appears under its name only when whole.

    Shapes:
        prediction, target `[t]`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(12, 8))
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(2, 2, gridspec_kw=dict(MARGINS))
    draw_waveform(axes[0, 0], prediction, target, sample_rate)
    draw_error(axes[0, 1], prediction, target, sample_rate)
    draw_spectra(axes[1, 0], prediction, target, sample_rate)
    draw_learning(axes[1, 1], history)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(temporary, format="png", dpi=110)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def draw_waveform(
    axes: Any, prediction: np.ndarray, target: np.ndarray, sample_rate: int
) -> None:
    """Target and prediction overlaid, around the loudest moment."""
    length = min(target.size, round(EXCERPT_SECONDS * sample_rate))
    middle = int(np.argmax(np.abs(target)))
    start = int(np.clip(middle - length // 3, 0, target.size - length))
    excerpt = slice(start, start + length)
    milliseconds = 1000 * np.arange(length) / sample_rate
    axes.plot(milliseconds, target[excerpt], color=TARGET, lw=2.5, label="target")
    axes.plot(
        milliseconds, prediction[excerpt], color=PREDICTION, lw=1.0, label="prediction"
    )
    axes.set(
        xlabel=f"milliseconds after {start / sample_rate:.2f} s",
        ylabel="amplitude",
        title="Around the loudest moment",
    )
    axes.legend(loc="upper right")


def draw_error(
    axes: Any, prediction: np.ndarray, target: np.ndarray, sample_rate: int
) -> None:
    """Level of the target and of the error over the passage."""
    frame = max(1, min(target.size, sample_rate // 20))
    seconds = frame / sample_rate * np.arange(target.size // frame)
    for audio, color, name in (
        (target, TARGET, "target"),
        (prediction - target, ERROR, "error"),
    ):
        frames = audio[: audio.size // frame * frame].reshape(-1, frame)
        level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
        axes.plot(seconds, level, color=color, lw=1.2, label=name)
    axes.set(xlabel="seconds", ylabel="dBFS RMS", title="Target and what is wrong")
    axes.legend(loc="lower right")


def draw_spectra(
    axes: Any, prediction: np.ndarray, target: np.ndarray, sample_rate: int
) -> None:
    """Long-term spectra of target, prediction and error."""
    for audio, color, width, name in (
        (target, TARGET, 2.5, "target"),
        (prediction, PREDICTION, 1.0, "prediction"),
        (prediction - target, ERROR, 1.0, "error"),
    ):
        hertz, power = scipy.signal.welch(
            audio, sample_rate, nperseg=min(4096, audio.size), scaling="spectrum"
        )
        axes.semilogx(
            hertz[1:],
            10 * np.log10(power[1:] + 1e-14),
            color=color,
            lw=width,
            label=name,
        )
    axes.set(xlabel="Hz", ylabel="dBFS", title="Spectra", xlim=(20, sample_rate / 2))
    axes.legend(loc="lower left")


def draw_learning(axes: Any, history: Sequence[Mapping[str, Any]]) -> None:
    """Validation ESR and training loss against steps."""
    loss, esr = (
        [
            (row["step"], row[key])
            for row in history
            if isinstance(row.get(key), int | float)
        ]
        for key in ("loss", "validation_esr")
    )
    if loss:
        axes.semilogy(*zip(*loss, strict=True), color=TARGET, lw=1.0, label="loss")
    if esr:
        axes.semilogy(
            *zip(*esr, strict=True),
            color=PREDICTION,
            marker="o",
            ms=3,
            label="validation ESR",
        )
    axes.set(xlabel="steps", title="Learning")
    if loss or esr:
        axes.legend(loc="upper right")
