"""Brings targets to one level before training; export takes it back."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxamp.core import Capture, CaptureError, ConfigError
from jaxamp.data.checks import rms


def target_gain(train: Sequence[Capture], normalize_dbfs: float | None) -> float:
    """The factor that brings the training targets to an RMS level, or 1.

    Raises:
        ConfigError: A level above full scale or absurdly low.
        CaptureError: The targets are silent.
    """
    if normalize_dbfs is None:
        return 1.0
    if not -100 <= normalize_dbfs <= 0:
        raise ConfigError(
            f"normalize_dbfs={normalize_dbfs} is outside -100 to 0 dB below full "
            "scale; -18 is usual."
        )
    level = rms(np.concatenate([each.target for each in train]))
    if level <= 0:
        raise CaptureError(
            "The training targets are silent and cannot be scaled to "
            f"{normalize_dbfs:g} dBFS. Leave normalize_dbfs away, or record again."
        )
    return float(10 ** (normalize_dbfs / 20) / level)


def scaled(passage: Capture, gain: float) -> Capture:
    """The capture with its target multiplied by a factor."""
    if gain == 1.0:
        return passage
    return dataclasses.replace(passage, target=passage.target * np.float32(gain))
