"""How well a trained model does on what was kept from training, setting by setting."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxamp.core import Capture, Model, Params, Recording, knob_places
from jaxamp.core.shown import shown
from jaxamp.evaluate import (
    AtSetting,
    evaluate,
    evaluate_settings,
    mean_metrics,
    told,
)

LONGEST_SHOWN = 100
"""Characters of a setting's name in a sentence."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """The metrics of a model over the validation of a recording."""

    metrics: Mapping[str, float]
    """With knobs, the mean over the settings that validate, each with one vote."""
    captures: Sequence[Capture]
    """What was validated on, as loud as recorded."""
    places: Sequence[int] = ()
    """Which of the captures' knobs the model hears."""
    settings: Sequence[AtSetting] = ()
    """Those that validate, in their order."""
    seen: Sequence[AtSetting] = ()
    """Those of training, on playing that was kept from it."""
    unseen: bool = True
    """Whether training has none of the settings that validate."""

    @property
    def worst(self) -> AtSetting:
        """The setting that validates worst."""
        return max(self.settings, key=lambda one: one.esr)

    def record(self) -> dict[str, Any]:
        """What `result.json` says of the settings; nothing where there are no knobs."""
        if not self.settings:
            return {}
        worst = {"name": self.worst.name, "esr": self.worst.esr}
        seen = mean_metrics(self.seen)["esr"] if self.seen else None
        every = [*self.settings, *self.seen]
        return {
            "knobs": {
                "names": list(self.settings[0].knobs),
                "esr_mean": self.metrics["esr"],
                "esr_worst": worst,
                "unseen": self.unseen,
                "esr_mean_seen": seen,
                "settings": [one.record() for one in every],
            }
        }

    def told(self) -> str:
        """' over 4 settings …', behind the ESR; nothing where there are no knobs."""
        if not self.settings:
            return ""
        what = "never heard" if self.unseen else "of training, unheard playing"
        worst = shown(self.worst.name, LONGEST_SHOWN)
        said = (
            f", the mean over {len(self.settings)} settings {what}; the worst is "
            f"{self.worst.esr:.5f} at {worst}"
        )
        if self.seen:
            mean = mean_metrics(self.seen)["esr"]
            said += f"; {mean:.5f} at the {len(self.seen)} settings of training"
        return said

    def example(self) -> tuple[Capture, np.ndarray | None, str]:
        """What to show of the validation, what the model is told, and its setting.

        The last passage, or with knobs the setting that comes out worst.
        """
        if not self.settings:
            return self.captures[-1], None, ""
        worst = self.worst.name
        capture = next(one for one in self.captures if one.name == worst)
        return (
            capture,
            told(capture, self.places),
            f", here at {shown(worst, LONGEST_SHOWN)}",
        )


def scored(model: Model, params: Params, recording: Recording) -> Scored:
    """The metrics of a model, its output as loud as the amp was recorded."""
    captures = [as_recorded(one, recording) for one in recording.validation]
    names = recording.controls
    if not names:
        return Scored(evaluate(model, params, captures), captures)
    trained = {one.controls.tobytes() for one in recording.train}
    unseen = not any(one.controls.tobytes() in trained for one in captures)
    settings = evaluate_settings(model, params, captures, names, seen=not unseen)
    again = [as_recorded(one, recording) for one in recording.seen]
    seen = evaluate_settings(model, params, again, names, seen=True)
    places = knob_places(model, names)
    return Scored(mean_metrics(settings), captures, places, settings, seen, unseen)


def as_recorded(capture: Capture, recording: Recording) -> Capture:
    """The capture with the target's normalisation undone."""
    target = (capture.target / recording.target_gain).astype(np.float32)
    return dataclasses.replace(capture, target=target)
