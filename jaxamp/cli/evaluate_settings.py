"""`jaxamp evaluate MODEL --manifest knobs.yaml`: the ESR at each setting of an amp.

A model without knobs is held against every setting as it is.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxamp.cli.channels import channel
from jaxamp.cli.evaluate import aligned, excerpts, samples_of
from jaxamp.cli.folder import write_text
from jaxamp.cli.main import keep_compiled
from jaxamp.cli.reamp import refuse_other_rate
from jaxamp.core import Capture, ConfigError, Model, Params, knob_places
from jaxamp.core.cloud import delivered
from jaxamp.core.shown import shown

LONGEST_NAME = 60
"""Characters of a setting's name in the table."""


def compare_settings(given: argparse.Namespace) -> int:
    """Measures at every setting; returns the exit status."""
    refuse_others(given)
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.data.manifest_file import read_manifest  # noqa: PLC0415
    from jaxamp.evaluate import evaluate_settings, mean_metrics  # noqa: PLC0415
    from jaxamp.loading import load  # noqa: PLC0415

    keep_compiled()
    manifest = read_manifest(given.manifest)
    model, params = load(given.model, size=given.size)
    captures, delay = heard(given, manifest, model, params)
    settings = evaluate_settings(model, params, captures, manifest.names)
    worst = max(settings, key=lambda one: one.esr)
    metrics = mean_metrics(settings)
    listed = [
        {"name": one.name, "knobs": dict(one.knobs), "esr": one.esr}
        | {"metrics": dict(one.metrics)}
        for one in settings
    ]
    answer = {
        "esr": metrics["esr"],
        "esr_worst": {"name": worst.name, "esr": worst.esr},
        "delay": delay,
        "metrics": metrics,
        "settings": listed,
    }
    print(table(answer))
    if given.json:
        with delivered(given.json) as file:
            write_text(file, json.dumps(answer, indent=2) + "\n")
    return 0


def refuse_others(given: argparse.Namespace) -> None:
    """Raises ConfigError for options that a manifest has no use for."""
    options = {
        "--input": given.input,
        "--knob": given.knob,
        "--automation": given.automation,
        "--teacher-automation": given.teacher_automation,
        "--teacher-knob": given.teacher_knob,
        "--teacher-size": given.teacher_size,
    }
    unused = [name for name, value in options.items() if value]
    if unused:
        raise ConfigError(
            f"{', '.join(unused)} and --manifest do not go together: a manifest says "
            "what was played and where the knobs stood."
        )


def heard(
    given: argparse.Namespace, manifest: Any, model: Model, params: Params
) -> tuple[list[Capture], int]:
    """Every recording, and by how many samples all targets trail.

    One amp has one latency, at which all targets together resemble the predictions
    most. What the manifest says of a recording goes first.
    """
    from jaxamp.data import check_pair  # noqa: PLC0415
    from jaxamp.data.parts import read_parts  # noqa: PLC0415
    from jaxamp.evaluate import lag, told  # noqa: PLC0415

    places = knob_places(model, manifest.names)
    pairs, befores = read_parts(manifest, channel(given.channel))
    captures = []
    for entry, (x, y), before in zip(manifest.entries, pairs, befores, strict=True):
        check_pair(x, y, ignore_checks=("clipping",))
        refuse_other_rate(model, x.sample_rate, entry.input)
        knobs = np.asarray(manifest.positions(entry), np.float32)
        captures.append(Capture(x.samples, y.samples, before, entry.name, knobs))
    unknown = [
        one
        for one, entry in zip(captures, manifest.entries, strict=True)
        if entry.delay is None
    ]
    if given.delay not in (None, "auto"):
        common = samples_of(given.delay)
    elif unknown:
        common = lag(
            *(
                excerpts(model, params, one.input, one.target, told(one, places))
                for one in unknown
            )
        )
    else:
        common = 0
    return [
        moved(one, common if entry.delay is None else entry.delay)
        for one, entry in zip(captures, manifest.entries, strict=True)
    ], common


def moved(capture: Capture, delay: int) -> Capture:
    """The capture with its delay taken out."""
    made = aligned(capture.input, capture.target, delay)
    context = np.concatenate([capture.context, capture.input[: max(0, -delay)]])
    return Capture(made.input, made.target, context, capture.name, capture.controls)


def table(answer: dict[str, Any]) -> str:
    """The numbers for people: each setting, then the mean and the worst."""
    names = [shown(one["name"], LONGEST_NAME) for one in answer["settings"]]
    width = max(map(len, [*names, "mean"]))
    rows = [*zip(names, (one["esr"] for one in answer["settings"]), strict=True)]
    worst = shown(answer["esr_worst"]["name"], LONGEST_NAME)
    return "\n".join(
        [
            f"{'setting':<{width}}  ESR",
            *lines(rows, width),
            *lines([("mean", answer["esr"])], width),
            f"worst: {worst}. Delay {answer['delay']} samples.",
        ]
    )


def lines(rows: Sequence[tuple[str, float]], width: int) -> list[str]:
    """Names and numbers in two columns."""
    return [f"{name:<{width}}  {esr:.6g}" for name, esr in rows]
