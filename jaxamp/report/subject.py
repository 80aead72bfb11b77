"""What a report is about: a model, what it should play like, what is known of both."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, Model, Params, RunError, knob_settings
from jaxamp.report.analysis.tones import Render
from jaxamp.stream import play, process


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model and the recording it is held against."""

    name: str
    """Of the model, for example wavenet/nano."""
    capture: str
    """Of the amp, as far as it has a name."""
    place: str
    """Where the model lies, for people."""
    model: Model
    params: Params
    passages: tuple[Capture, ...]
    """As loud as recorded, with their knobs in the model's order; played end to end."""
    controls: np.ndarray | None = None
    """Where the knobs stand `[k]` for all passages, whatever these say of it."""
    amp: Render | None = None
    """Plays anything through the amp itself, where that is an equation."""
    turned_amp: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    """The same while its knobs move: (`[t]`, the model's knobs `[k, t]`) -> `[t]`."""
    result: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the run measured at its end; empty where it has not ended."""
    history: Sequence[Mapping[str, Any]] = ()
    findings: Mapping[str, Any] | None = None
    """What was found in the recordings; None where nobody looked."""
    config: str | None = None
    notes: Sequence[str] = ()
    """What has to be said before all else."""

    def setting(self, passage: Capture) -> np.ndarray | None:
        """Where the knobs stand for a passage `[k]`; None for a model without knobs.

        As the passage says; in the middle where nobody says anything.
        """
        if not self.model.controls:
            return None
        if self.controls is not None:
            return self.controls
        if passage.controls.size:
            return passage.controls
        return knob_settings(self.model, {})

    @property
    def settings(self) -> int:
        """How many settings of the knobs the passages have."""
        stood = [self.setting(one) for one in self.passages]
        return len({tuple(one.tolist()) for one in stood if one is not None})

    def render(self, x: np.ndarray, controls: np.ndarray | None) -> np.ndarray:
        """Audio `[t]` through the model, from silence, with its knobs at `[k]`."""
        return process(self.model, self.params, x, controls=controls)


def words(names: Sequence[str], controls: Sequence[float] | np.ndarray) -> str:
    """'gain 0.7, tone 0.5'."""
    pairs = zip(names, np.asarray(controls).tolist(), strict=True)
    return ", ".join(f"{name} {value:g}" for name, value in pairs)


Clip = Mapping[str, np.ndarray]
"""`di`, `target`, `prediction`, `difference` -> samples `[t]`"""


@dataclasses.dataclass(frozen=True)
class Heard:
    """The passages end to end, and what the model made of them.

    Shapes:
        all `[t]`, float32
    """

    input: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    loudest: tuple[int, int]
    """Where the passage with the loudest sample lies."""
    controls: np.ndarray | None = None
    """Where its knobs stand `[k]`; None for a model without knobs."""


def heard(subject: Subject) -> Heard:
    """Plays every passage, warmed on its context.

    Raises:
        RunError: The model plays what is no sound.
    """
    passages = subject.passages
    played = [answer(subject, one) for one in passages]
    if not all(np.all(np.isfinite(one)) for one in played):
        raise RunError(
            f"The model in {subject.place!r} answers its recording with NaN or "
            "infinity, so there is nothing to show. Its file is damaged, or its "
            "training diverged: train again with a lower optimizer.learning_rate."
        )
    sizes = [one.target.size for one in passages]
    place = loudest(passages)
    start = sum(sizes[:place])
    return Heard(
        np.concatenate([one.input for one in passages]),
        np.concatenate([one.target for one in passages]),
        np.concatenate(played),
        (start, start + sizes[place]),
        subject.setting(passages[place]),
    )


def loudest(passages: Sequence[Capture]) -> int:
    """Which of the passages has the loudest sample."""
    return max(range(len(passages)), key=lambda i: np.max(np.abs(passages[i].target)))


def answer(subject: Subject, passage: Capture) -> np.ndarray:
    """What the model plays of one passage `[t]`."""
    x = np.concatenate([passage.context, passage.input])
    controls = subject.setting(passage)
    pieces = play(subject.model, subject.params, [x[None, None]], controls=controls)
    return np.concatenate([piece[0, 0] for piece in pieces])[passage.context.size :]
