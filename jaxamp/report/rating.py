"""Trials of a rating test: the amp, the amp made dull, and what models play."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxamp.dsp.low_pass import low_pass
from jaxamp.report.clips import clips

ANCHOR_HZ = 3500.0, 4000.0
"""What the low anchor keeps, and from where on it keeps nothing."""

MOST_CONDITIONS = 8
"""Rated in one trial, hidden reference and anchor among them: more than a dozen tire a
listener, and a key each is nine at most."""

MOST_MODELS = MOST_CONDITIONS - 2


def trial(
    name: str,
    target: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    capture: str,
) -> dict[str, Any]:
    """One passage to rate, as `jaxamp.rating` takes it.

    Args:
        predictions: What each model is called -> what it plays, as long as the target.
        capture: What they learned from; models of one name on two are not one.

    Source:
        ITU-R BS.1534-3: a hidden reference, and an anchor of 3.5 kHz that is down by
        25 dB at 4 kHz and by 50 dB at 4.5 kHz.
    """
    models = {f"model {i}": one for i, one in enumerate(predictions.values())}
    labels = dict(zip(models, predictions, strict=True))
    audio = {
        "reference": target,
        "anchor": low_pass(target, sample_rate, *ANCHOR_HZ),
        **models,
    }
    labels |= {"reference": "Hidden reference", "anchor": "Low anchor"}
    return {
        "name": name,
        "capture": capture,
        "clips": clips(audio, sample_rate, target="reference", labels=labels),
    }
