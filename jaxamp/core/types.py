"""The words shared by every floor: captures, recordings, datasets and losses.

Audio is float32, full scale is ±1, the layout is `[batch, channel, time]`.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from jaxamp.core.model import Array

if TYPE_CHECKING:
    from jaxamp.core.batch import Batch


@dataclasses.dataclass(frozen=True)
class Capture:
    """An aligned pair: what went into the amp, and what came out.

    Sample n of the target answers sample n of the input; the measured delay is
    already taken out. `context` is the input just before the first sample, so that
    a model can be warmed on real audio; where it is empty, silence came before.

    Shapes:
        input `[t]`, target `[t]`, context `[any]`, controls `[k]`, all 1-D float32.
    """

    input: np.ndarray
    target: np.ndarray
    context: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(0, np.float32)
    )
    name: str = ""
    controls: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(0, np.float32)
    )
    """Where the knobs stood, 0 to 1, all the while; empty where nobody says."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """Everything learned from: captures to train on, captures to validate on."""

    train: tuple[Capture, ...]
    validation: tuple[Capture, ...]
    sample_rate: int
    """Hz."""
    target_gain: float = 1.0
    """What every target was multiplied by; export divides by it."""
    findings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What was measured while reading (delay, polarity, levels …), JSON-able."""
    controls: tuple[str, ...] = ()
    """The names of the knobs, in the order in which the captures have them."""


class Dataset(Protocol):
    """Pure source of batches; a pytree whose leaves are audio on the device."""

    @property
    def batch(self) -> int:
        """Windows of one step."""
        ...

    def sample(self, key: Array, step: Array) -> "Batch":
        """The batch of one step: the same key and step give the same batch."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Steps that show every target sample about once."""
        ...


class Loss(Protocol):
    """Prediction and target `[b, c, t]` -> one number per example `[b]`."""

    def __call__(self, prediction: Array, target: Array) -> Array: ...
