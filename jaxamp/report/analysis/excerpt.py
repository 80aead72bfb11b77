"""Which seconds of a recording are listened to: the loudest moment, and a quiet one."""

import numpy as np

FRAME_SECONDS = 0.1

SILENT_DB = -60.0
"""Below the loudest frame; quieter ones are pauses with nothing to hear."""


def excerpt(audio: np.ndarray, sample_rate: int, seconds: float) -> tuple[int, int]:
    """Where the best stretch of `seconds` begins and ends; all of a shorter audio.

    Of the stretches that hold the loudest tenth of a second, it is the one that also
    holds the quietest playing.

    Shapes:
        audio `[t]`
    """
    frame = max(1, round(FRAME_SECONDS * sample_rate))
    wanted = max(frame, round(seconds * sample_rate))
    if audio.size <= wanted:
        return 0, audio.size
    frames = audio[: audio.size // frame * frame].reshape(-1, frame)
    level = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loudest, span = int(np.argmax(level)), wanted // frame
    heard = np.where(level > level[loudest] * 10 ** (SILENT_DB / 20), level, np.inf)
    first = range(max(0, loudest - span + 1), min(loudest, level.size - span) + 1)
    best = min(first, key=lambda start: np.min(heard[start : start + span]))
    begin = best * frame
    return begin, min(begin + wanted, audio.size)
