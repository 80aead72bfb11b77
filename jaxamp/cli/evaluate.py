"""`jaxamp evaluate MODEL --input X --target Y`: metrics of a model on a recording.

With `--teacher OTHER` instead of a target, the other model plays the target. With
`--automation MOVES.csv`, knobs move as the amp's did; there are more metrics then, of
while they move and after. With `--manifest knobs.yaml` instead of input and target, the
recordings are those of an amp with knobs, and each setting has its own ESR.
"""

import argparse
import functools
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxamp.cli.automation import (
    add_automation,
    automation_of,
    named_moves,
    refuse_smoothing_of_nothing,
    warn_after_end,
)
from jaxamp.cli.channels import channel
from jaxamp.cli.folder import write_text
from jaxamp.cli.knobs import add_knobs, by_name, named_settings, settings_of
from jaxamp.cli.main import keep_compiled
from jaxamp.cli.reamp import refuse_other_rate
from jaxamp.cli.sizes import add_size
from jaxamp.core import Capture, CaptureError, ConfigError, Model, Moves, Params
from jaxamp.core.cloud import delivered
from jaxamp.core.shown import paragraph

if TYPE_CHECKING:
    from jaxamp.data.automation import Automation

ALIGNED_SECONDS = 30
"""How much is played to find the delay."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser("jaxamp evaluate", description=__doc__)
    parser.add_argument("model", help="a run directory or a model file")
    parser.add_argument("--input", help="dry audio")
    answer = parser.add_mutually_exclusive_group(required=True)
    answer.add_argument(
        "--manifest", help="recordings at many settings of an amp's knobs"
    )
    answer.add_argument("--target", help="the same through the amp")
    answer.add_argument("--teacher", help="a model to play the target")
    parser.add_argument(
        "--delay",
        help="samples the target trails the input by; auto, which is usual, finds "
        "them by comparing with what the model plays; a teacher's target trails by 0",
    )
    parser.add_argument("--channel", help="of files with several: 0, 1, left, right")
    parser.add_argument("--teacher-size", type=float, help="as --size, of the teacher")
    parser.add_argument(
        "--teacher-knob",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as --knob, of the teacher",
    )
    parser.add_argument(
        "--teacher-automation",
        metavar="MOVES.csv",
        help="as --automation, of the teacher",
    )
    parser.add_argument("--json", help="file to write the numbers to")
    add_knobs(parser)
    add_automation(parser)
    add_size(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Measures; returns the exit status."""
    given = parser().parse_args(arguments)
    if given.manifest is not None:
        from jaxamp.cli.evaluate_settings import compare_settings  # noqa: PLC0415

        return compare_settings(given)
    if given.input is None:
        raise ConfigError(
            "--input is missing: the dry audio that --target or --teacher answers."
        )
    return compare(given)


def compare(given: argparse.Namespace) -> int:
    """Measures what the arguments say."""
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.loading import load  # noqa: PLC0415

    usual = "0" if given.teacher else "auto"
    refuse_smoothing_of_nothing(given, given.automation, given.teacher_automation)
    if given.teacher_automation is not None and not given.teacher:
        raise ConfigError(
            "--teacher-automation is said of no teacher. Name one with --teacher, or "
            "leave it out."
        )
    keep_compiled()
    x, y, sample_rate = heard(given)
    model, params = load(given.model, size=given.size)
    refuse_other_rate(model, sample_rate, given.input)
    moving = automation_of(given.automation, given.knob, given.smoothing, model)
    still = settings_of(model, given.knob) if moving is None else None
    delay = wanted_delay(given.delay or usual, model, params, x, y, moving or still)
    capture = aligned(x, y, delay)
    if moving is None:
        metrics, told = measure(model, params, capture, still), {}
        with_knobs = named_settings(model, still)
    else:
        warn_after_end(moving, x.size / sample_rate, given.automation)
        metrics, told = measure_moves(model, params, capture, moving, max(0, -delay))
        with_knobs, still = named_moves(moving, given.automation), moving(0, 1)[:, 0]
    answer = {"esr": metrics["esr"], "delay": delay, "metrics": metrics}
    if still is not None:
        answer["controls"] = dict(zip(model.controls, still.tolist(), strict=True))
        print(paragraph(f"{given.model}{with_knobs}"), file=sys.stderr)
    answer |= told
    print(table(answer))
    if given.json:
        with delivered(given.json) as file:
            write_text(file, json.dumps(answer, indent=2) + "\n")
    return 0


def heard(given: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, int]:
    """The dry audio, what answers it, and their sample rate."""
    from jaxamp.data import check_pair, read_audio  # noqa: PLC0415

    if given.teacher:
        from jaxamp.teacher import lesson  # noqa: PLC0415

        taken = lesson(
            given.teacher,
            given.input,
            channel(given.channel),
            size=given.teacher_size,
            knobs=by_name(given.teacher_knob),
            moving=functools.partial(
                automation_of,
                given.teacher_automation,
                given.teacher_knob,
                given.smoothing,
            ),
        )
        return taken.input, taken.target, taken.sample_rate
    x = read_audio(given.input, channel(given.channel))
    y = read_audio(given.target, channel(given.channel))
    check_pair(x, y, ignore_checks=("clipping",))
    return x.samples, y.samples, x.sample_rate


def measure(
    model: Model,
    params: Params,
    capture: Capture,
    controls: np.ndarray | None = None,
) -> dict[str, float]:
    """Every metric of the model on the recording."""
    from jaxamp.evaluate import aliased, evaluate  # noqa: PLC0415

    scores = evaluate(model, params, [capture], controls)
    return scores | aliased(model, params, controls)


def measure_moves(
    model: Model,
    params: Params,
    capture: Capture,
    moving: "Automation",
    skipped: int,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Every metric, and those of the moves; and which knobs moved, and for how long.

    Aliasing is that of the knobs at first.

    Args:
        skipped: Samples of the input that are not in the capture.
    """
    from jaxamp.evaluate import aliased, evaluate_moves  # noqa: PLC0415

    moves = [(start - skipped, stop - skipped) for start, stop in moving.moves()]
    scores, more = evaluate_moves(model, params, capture, later(moving, skipped), moves)
    heard = [min(stop, capture.input.size) - max(start, 0) for start, stop in moves]
    told = {
        "knobs": list(moving.moved),
        "moves": sum(samples > 0 for samples in heard),
        "seconds": sum(max(0, samples) for samples in heard) / model.sample_rate,
    }
    metrics = scores | more | aliased(model, params, moving(0, 1)[:, 0])
    return metrics, {"automation": told}


def later(controls: Moves, skipped: int) -> Moves:
    """Knobs that move, for a signal whose first samples are left out."""
    return lambda start, stop: controls(start + skipped, stop + skipped)


def wanted_delay(
    given: str,
    model: Model,
    params: Params,
    x: np.ndarray,
    y: np.ndarray,
    controls: "np.ndarray | Moves | None" = None,
) -> int:
    """The delay as given, or found by comparing the target with the prediction."""
    if given != "auto":
        return samples_of(given)
    from jaxamp.evaluate import lag  # noqa: PLC0415

    return lag(excerpts(model, params, x, y, controls))


def samples_of(delay: str) -> int:
    """A delay as given in samples."""
    try:
        return int(delay)
    except ValueError:
        raise ConfigError(
            f"--delay {delay!r} must be auto or a number of samples."
        ) from None


def excerpts(
    model: Model,
    params: Params,
    x: np.ndarray,
    y: np.ndarray,
    controls: "np.ndarray | Moves | None" = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What the model and the amp make of the same few seconds, the loudest."""
    from jaxamp.stream import process  # noqa: PLC0415

    loudest = int(np.argmax(np.abs(y)))
    size = ALIGNED_SECONDS * model.sample_rate
    start = max(0, min(loudest - size // 2, min(x.size, y.size) - size))
    heard, answer = x[start : start + size], y[start : start + size]
    if callable(controls):
        controls = later(controls, start)
    return process(model, params, heard, controls=controls), answer


def aligned(x: np.ndarray, y: np.ndarray, delay: int) -> Capture:
    """The pair with the delay taken out."""
    x, y = (x, y[delay:]) if delay >= 0 else (x[-delay:], y)
    size = min(x.size, y.size)
    if size == 0:
        raise CaptureError(
            f"With a delay of {delay} samples nothing is left to compare. Give a "
            "smaller --delay."
        )
    return Capture(x[:size], y[:size])


def table(answer: dict[str, Any]) -> str:
    """The numbers for people."""
    rows = {"delay (samples)": answer["delay"], **answer["metrics"]}
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value:.6g}" for name, value in rows.items())
