"""A passage played at every setting, and what each setting does, in numbers.

All settings are played side by side as one batch; none is matched in loudness, for a
knob may make it louder. After the passage come steps of a sine, from which one reads
how far a setting compresses.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import RunError
from jaxamp.dsp.level import amplitude, decibels, rms
from jaxamp.report.analysis.bands import bands, centres
from jaxamp.report.analysis.excerpt import excerpt
from jaxamp.report.clips import clips
from jaxamp.report.knobs.fit import LONGEST_SECONDS, Fit, fitted
from jaxamp.report.knobs.plan import Plan
from jaxamp.report.subject import Heard, Subject, words
from jaxamp.stream import process

WARM_SECONDS = 1.0
"""Of playing before the passage, if the recording has it."""

FADE_SECONDS = 0.005
"""At both ends of the passage, so that it repeats without a click."""

SIDE_BY_SIDE = 32
"""Settings played at once; more take memory and save no time."""

SINE_HERTZ = 220.0
SINE_DBFS = tuple(float(level) for level in range(-60, 1, 5))
STEP_SECONDS = 0.2
"""Of each level; the second half is measured."""

LOWEST_DB = -120.0


@dataclasses.dataclass(frozen=True)
class Tour:
    """What was played and measured.

    Shapes:
        spectra `[settings, bands]` and di_spectrum `[bands]` in dBFS, curves
        `[settings, levels]` in dBFS of a sine as strong
    """

    plan: Plan
    sample_rate: int
    clips: Mapping[str, Mapping[str, Any]]
    fit: Fit
    hertz: Sequence[float]
    spectra: np.ndarray
    di_spectrum: np.ndarray
    curves: np.ndarray

    @property
    def first(self) -> int:
        """The setting that the page begins with."""
        return self.plan.settings.index(self.plan.start)

    def data(self, matched: bool) -> dict[str, Any]:
        """What the page's scripts are given.

        Args:
            matched: Whether the settings are first heard equally loud.
        """
        start = self.clips[clip(self.first)]["lufs"]
        return {
            "names": self.plan.names,
            "positions": self.plan.positions,
            "start": self.plan.start,
            "free": self.plan.free,
            "matched": matched,
            "clips": self.clips,
            "settings": [
                {
                    "at": at,
                    "clip": clip(i),
                    "louder": tenth(self.clips[clip(i)]["lufs"] - start),
                    "silent": self.clips[clip(i)]["unmeasured"],
                    "spectrum": [*map(tenth, self.spectra[i])],
                    "curve": [*map(tenth, self.curves[i])],
                }
                for i, at in enumerate(self.plan.settings)
            ],
        }


def clip(setting: int) -> str:
    """A setting's name among the clips."""
    return f"s{setting}"


def tenth(value: float) -> float:
    """A number of decibels as it is drawn."""
    return round(float(value), 1)


def tour(subject: Subject, sound: Heard, plan: Plan) -> Tour:
    """Plays the passage with the loudest sample at every setting.

    Raises:
        RunError: The model plays what is no sound at one of them.
    """
    rate = subject.model.sample_rate
    warm, passage = dry(sound, rate)
    played = render(subject, plan, np.concatenate([warm, passage, steps(rate)]))
    heard, sines = np.split(played[:, warm.size :], [passage.size], axis=1)
    kept, fit = fitted(heard, rate, plan.settings.index(plan.start))
    audio = [faded(one, rate) for one in heard[:, kept]]
    labels = [words(plan.names, plan.at(one)) for one in plan.settings]
    first = plan.settings.index(plan.start)
    made = clips(
        {clip(i): one for i, one in enumerate(audio)},
        rate,
        target=clip(first),
        labels={clip(i): label for i, label in enumerate(labels)},
        bits=fit.bits,
    )
    return Tour(
        plan,
        rate,
        made,
        fit,
        centres(rate),
        np.array([bands(one, rate) for one in audio]),
        bands(faded(passage[kept], rate), rate),
        np.array([curve(one, rate) for one in sines]),
    )


def dry(sound: Heard, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """What the guitar played just before the passage, and the passage `[t]`."""
    first, last = sound.loudest
    begin, end = excerpt(sound.input[first:last], sample_rate, LONGEST_SECONDS)
    before = max(first, first + begin - round(WARM_SECONDS * sample_rate))
    return sound.input[before : first + begin], sound.input[first + begin : first + end]


def steps(sample_rate: int) -> np.ndarray:
    """A sine at every level, the quietest first `[t]`."""
    size = round(STEP_SECONDS * sample_rate)
    turns = SINE_HERTZ * np.arange(size) / sample_rate
    one = np.sin(2 * np.pi * turns)
    return np.concatenate([amplitude(level) * one for level in SINE_DBFS])


def render(subject: Subject, plan: Plan, x: np.ndarray) -> np.ndarray:
    """Audio `[t]` through the model at every setting `[settings, t]`.

    Batches are of one size, filled up with a setting again, so one program plays all.
    """
    controls = plan.controls()
    count = len(controls)
    size = -(-count // -(-count // SIDE_BY_SIDE))
    rows = np.arange(-(-count // size) * size) % count
    heard = np.broadcast_to(x.astype(np.float32), (size, 1, x.size))
    played = [
        process(subject.model, subject.params, heard, controls=controls[part])[:, 0]
        for part in rows.reshape(-1, size)
    ]
    answers = np.concatenate(played)[:count]
    refuse_no_sound(subject, plan, answers)
    return answers


def refuse_no_sound(subject: Subject, plan: Plan, answers: np.ndarray) -> None:
    """Raises RunError where a setting diverges."""
    for at, answer in zip(plan.settings, answers, strict=True):
        if not np.all(np.isfinite(answer)):
            raise RunError(
                f"The model in {subject.place!r} answers with NaN or infinity at "
                f"{words(plan.names, plan.at(at))}, so the page cannot play all of its "
                "knobs. Give --knob-clips 0 for a page without them, or train again "
                "with settings there."
            )


def faded(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """The passage `[t]` from nothing to nothing."""
    size = min(round(FADE_SECONDS * sample_rate), x.size // 2)
    ramp = (np.arange(size, dtype=np.float32) + 0.5) / max(size, 1)
    y = np.array(x, np.float32)
    y[:size] *= ramp
    y[y.size - size :] *= ramp[::-1]
    return y


def curve(x: np.ndarray, sample_rate: int) -> list[float]:
    """Level that comes out at each step of the sine, dBFS: 0 for one at full scale."""
    halves = x.astype(np.float64).reshape(len(SINE_DBFS), 2, -1)[:, 1]
    moving = halves - halves.mean(axis=1, keepdims=True)
    return [max(LOWEST_DB, decibels(np.sqrt(2) * rms(one))) for one in moving]
