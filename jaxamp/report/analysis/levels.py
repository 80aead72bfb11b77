"""How the amp and its model answer quiet and hard playing.

The recording is cut into short frames, and frames of about one level of the DI are
counted together: so a model that is good on the average and bad on quiet notes shows.
"""

import dataclasses

import numpy as np

FRAME_SECONDS = 0.02
"""Length of a frame: short against a note, long against its period."""

STEP_DB = 3.0

LOWEST_DBFS = -72.0
"""Quieter frames of the DI are pauses and noise."""

FEWEST = 5
"""Frames of one level below which nothing is said about it."""


@dataclasses.dataclass(frozen=True)
class Levels:
    """One entry for each level of the DI that was played often enough.

    Shapes:
        all `[levels]`; levels in dBFS RMS, the DI's being the middle of its range.
    """

    input: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    error: np.ndarray
    esr: np.ndarray
    """Of the frames of that level together."""


def levels(
    x: np.ndarray, target: np.ndarray, prediction: np.ndarray, sample_rate: int
) -> Levels:
    """Energies of frames of like level of the DI, added up.

    Shapes:
        x, target, prediction `[t]`
    """
    frame = max(1, round(FRAME_SECONDS * sample_rate))
    heard, wanted, played, wrong = (
        powers(audio, frame) for audio in (x, target, prediction, target - prediction)
    )
    place = np.floor(decibels(heard) / STEP_DB).astype(int)
    known = [
        step
        for step in range(int(LOWEST_DBFS / STEP_DB), 1)
        if np.sum(place == step) >= FEWEST
    ]

    def mean(power: np.ndarray) -> np.ndarray:
        return np.array([np.mean(power[place == step]) for step in known])

    energy = np.maximum(mean(wanted), np.finfo(np.float64).tiny)
    return Levels(
        input=STEP_DB * (np.array(known, np.float64) + 0.5),
        target=decibels(mean(wanted)),
        prediction=decibels(mean(played)),
        error=decibels(mean(wrong)),
        esr=mean(wrong) / energy,
    )


def powers(audio: np.ndarray, frame: int) -> np.ndarray:
    """The mean square of each whole frame."""
    frames = audio[: audio.size // frame * frame].reshape(-1, frame)
    return np.mean(np.square(frames, dtype=np.float64), axis=1)


def decibels(power: np.ndarray) -> np.ndarray:
    """Power in dB; silence is given -160."""
    return 10 * np.log10(np.maximum(power, 1e-16))
