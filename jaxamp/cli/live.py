"""`jaxamp live MODEL…`: plays through models as you play, without a click between them.

Keys while playing: 1 to 9 choose a model, b bypasses, + and - turn the output, ] and [
the input, i takes the cabinet out and in, q ends. Of a model that has knobs, k chooses
the next one, and . and , turn it up and down.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxamp.cli.cabinet import add_cabinet, cabinet_of, decibels_of
from jaxamp.cli.knobs import add_knobs, by_name
from jaxamp.cli.main import complain, keep_compiled
from jaxamp.cli.sizes import add_size
from jaxamp.cli.stopping import INTERRUPTED
from jaxamp.core import CaptureError, ConfigError, Model, Params, knob_settings
from jaxamp.core.shown import paragraph

if TYPE_CHECKING:
    from jaxamp.stream.live import Rig, Times
    from jaxamp.stream.live.device import Chosen

SHORTEST_BLOCK, LONGEST_BLOCK = 16, 2048
"""Samples; the longest is 43 ms at 48 kHz, which nobody can play with."""

USUAL_RATE = 48_000
"""Hz, where no model says another."""

MOST_MODELS = 9
"""There are so many keys."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        "jaxamp live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", help="runs, model files")
    parser.add_argument("--list", action="store_true", help="list the sound devices")
    parser.add_argument("--device", help="number or part of the name, for both ways")
    parser.add_argument("--input-device", help="the same, of the guitar")
    parser.add_argument("--output-device", help="the same, of the loudspeaker")
    parser.add_argument(
        "--channel", type=int, default=0, help="of the input, counted from 0"
    )
    parser.add_argument(
        "--block",
        type=int,
        default=128,
        help="samples a call: fewer answer sooner and need a faster computer",
    )
    parser.add_argument(
        "--rate", type=int, help="Hz; the models' own, nothing is resampled"
    )
    for way in ("input", "output"):
        parser.add_argument(
            f"--{way}-gain", type=float, default=0.0, metavar="DB", help="to begin with"
        )
    parser.add_argument("--bypass", action="store_true", help="begin bypassed")
    add_cabinet(parser)
    add_knobs(parser)
    add_size(parser)
    parser.add_argument("--seconds", type=float, help="end by itself")
    parser.add_argument(
        "--record",
        metavar="OUT.wav",
        help="keep what is played, and in OUT.di.wav what is heard",
    )
    parser.add_argument("--json", help="file to write the figures to")
    parser.add_argument(
        "--force", action="store_true", help="play even where it is too slow"
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="measure the round trip through a cable from output to input, and end",
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """Plays; returns the exit status."""
    given = parser().parse_args(arguments)
    refuse_senseless(given)
    from jaxamp.stream.live import device  # noqa: PLC0415

    if given.list:
        lines = device.listed(device.portaudio())
        print("\n".join(lines) or "No sound device was found.")
        return 0
    if given.measure:
        return measure(given)
    return live(given)


def refuse_senseless(given: argparse.Namespace) -> None:
    """Raises for arguments that cannot be meant."""
    if not SHORTEST_BLOCK <= given.block <= LONGEST_BLOCK:
        raise ConfigError(
            f"--block {given.block} must be from {SHORTEST_BLOCK} to {LONGEST_BLOCK} "
            "samples; 64 or 128 feel immediate."
        )
    if given.channel < 0:
        raise ConfigError(f"--channel {given.channel} must be 0 or more.")
    if given.seconds is not None and not given.seconds > 0:
        raise ConfigError(f"--seconds {given.seconds:g} must be more than 0.")
    if not (given.models or given.list or given.measure):
        raise ConfigError(
            "No model is named. Give a run directory or a model file, or several; "
            "--list lists the sound devices."
        )
    if len(given.models) > MOST_MODELS:
        raise ConfigError(
            f"{len(given.models)} models are named; keys choose among {MOST_MODELS} at "
            "most."
        )


def live(given: argparse.Namespace) -> int:
    """Plays what the arguments say."""
    input_gain = decibels_of("--input-gain", given.input_gain)
    output_gain = decibels_of("--output-gain", given.output_gain)
    from jaxamp.cli.live_loop import (  # noqa: PLC0415
        GONE,
        Loop,
        Recording,
        finish,
        heard_beside,
    )
    from jaxamp.cli.reamp import refuse_same  # noqa: PLC0415
    from jaxamp.stream.live import Settings  # noqa: PLC0415
    from jaxamp.stream.live.device import playing, portaudio  # noqa: PLC0415
    from jaxamp.stream.live.session import Session, undisturbed  # noqa: PLC0415

    if given.record is not None and given.ir is not None:
        for path in (given.record, heard_beside(given.record)):
            refuse_same(given.ir, path)
    module = portaudio()
    compute_inline()
    keep_compiled()
    loaded = load_all(given)
    rate = rate_of(given, loaded)
    settings = Settings(
        input_gain=input_gain, output_gain=output_gain, bypass=given.bypass
    )
    rig = rehearsed(given, loaded, rate, settings)
    session = Session(
        rig.play,
        block=given.block,
        sample_rate=rate,
        channel=given.channel,
        record=given.record is not None,
    )
    loop, stopped, fault = None, False, None
    with Recording(given.record, rate) as recording:
        try:
            with undisturbed(), playing(module, chosen(given, rate), session) as stream:
                loop = Loop(rig, session, stream, recording, given.seconds)
                stopped = loop.run()
        except module.PortAudioError:
            fault = ConfigError(GONE)
        except Exception as error:  # told when what was recorded is kept
            fault = error
        if fault and not session.frames:
            raise fault
        recording.write(session)
    if fault or loop is None:
        raise fault or ConfigError(GONE)
    finish(loop, given.json)
    status = INTERRUPTED if stopped else 0
    if session.stuck:
        leave(status)
    return status


def leave(status: int) -> None:
    """Ends the program without asking the sound system, which does not answer."""
    complain("warning: The sound system did not end the stream; it was left as it is.")
    sys.stdout.flush()
    os._exit(status)


def compute_inline() -> None:
    """JAX computes on the processor, begun by the thread that asks.

    Handing a block to another thread and waiting for it takes longer than the block.
    """
    import jax  # noqa: PLC0415 (slow to import)

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def load_all(given: argparse.Namespace) -> list[tuple[str, Model, Params, Any]]:
    """Name, model, parameters and knobs of each model.

    Raises:
        ConfigError: No model has a knob that is set.
    """
    from jaxamp.loading import load  # noqa: PLC0415

    knobs = by_name(given.knob)
    loaded = [(path, *load(path, size=given.size)) for path in given.models]
    known = {name for _, model, _ in loaded for name in model.controls}
    if set(knobs) - known:
        knob_settings(loaded[0][1], {k: v for k, v in knobs.items() if k not in known})
    return [
        (
            path,
            model,
            params,
            knob_settings(
                model, {k: v for k, v in knobs.items() if k in model.controls}
            ),
        )
        for path, model, params in loaded
    ]


def rate_of(
    given: argparse.Namespace, loaded: Sequence[tuple[str, Model, Params, Any]]
) -> int:
    """The sample rate that all models were learned at.

    Raises:
        CaptureError: They differ, or another one is asked for.
    """
    rates = {name: model.sample_rate for name, model, _, _ in loaded}
    own = next(iter(rates.values()))
    if set(rates.values()) != {own}:
        told = ", ".join(f"{name}: {rate} Hz" for name, rate in rates.items())
        raise CaptureError(
            f"The models were learned at different sample rates ({told}), and a device "
            "has one. Load those of one rate."
        )
    if given.rate not in (None, own):
        raise CaptureError(
            f"The model was learned at {own} Hz and would sound wrong at {given.rate} "
            f"Hz; nothing is resampled while playing, for that takes time. Set the "
            f"device to {own} Hz, or train at {given.rate} Hz."
        )
    return own


def rehearsed(
    given: argparse.Namespace,
    loaded: Sequence[tuple[str, Model, Params, Any]],
    rate: int,
    settings: Any,
) -> "Rig":
    """All of it compiled, warm and in silence, and known to be fast enough.

    Raises:
        ConfigError: It is too slow, and not forced.
    """
    from jaxamp.stream.live import Rig, Voice  # noqa: PLC0415
    from jaxamp.stream.live.deadline import (  # noqa: PLC0415
        hardest,
        measured,
        refuse_late,
    )
    from jaxamp.stream.live.session import undisturbed  # noqa: PLC0415

    def rig_of(block: int) -> Rig:
        voices = [
            Voice(name, model, params, block=block, controls=knobs)
            for name, model, params, knobs in loaded
        ]
        cabinet = cabinet_of(given, rate, block)
        return Rig(
            voices, block=block, sample_rate=rate, cabinet=cabinet, settings=settings
        )

    def times_of(rig: Rig) -> "Times":
        with undisturbed():
            return measured(hardest(rig), rig.block, rate)

    rig = rig_of(given.block)
    times = times_of(rig)
    try:
        longer = [
            block
            for block in (64, 128, 256, 512, 1024, LONGEST_BLOCK)
            if block > given.block
        ]
        refuse_late(
            times, given.block, rate, longer, lambda block: times_of(rig_of(block))
        )
    except ConfigError as error:
        if not given.force:
            raise
        complain(f"warning: {error}")
    rig.start(voice=0)
    return rig


def chosen(given: argparse.Namespace, rate: int) -> "Chosen":
    """The devices of the arguments."""
    from jaxamp.stream.live.device import Chosen  # noqa: PLC0415

    return Chosen(
        input_device=given.input_device or given.device,
        output_device=given.output_device or given.device,
        channel=given.channel,
        block=given.block,
        sample_rate=rate,
    )


def measure(given: argparse.Namespace) -> int:
    """Tells how long the round trip takes."""
    from jaxamp.cli.live_loop import write_figures  # noqa: PLC0415
    from jaxamp.stream.live.device import portaudio  # noqa: PLC0415
    from jaxamp.stream.live.loopback import round_trip  # noqa: PLC0415

    rate = given.rate or USUAL_RATE
    played, recorded = clicked(portaudio(), given, rate)
    found = round_trip(played, recorded, rate)
    milliseconds = 1000 * found.samples / rate
    told = (
        f"Round trip {found.samples} samples, {milliseconds:.2f} ms, in blocks of "
        f"{given.block} at {rate} Hz."
    )
    print(paragraph(told))
    figures = {
        "round_trip_samples": found.samples,
        "round_trip_ms": milliseconds,
        "block": given.block,
        "sample_rate": rate,
    }
    write_figures(given.json, figures)
    return 0


def clicked(module: Any, given: argparse.Namespace, rate: int) -> tuple[Any, Any]:
    """Clicks that were played, and what was heard meanwhile."""
    import time  # noqa: PLC0415

    from jaxamp.stream.live.device import playing  # noqa: PLC0415
    from jaxamp.stream.live.loopback import Clicks  # noqa: PLC0415
    from jaxamp.stream.live.session import Session, undisturbed  # noqa: PLC0415

    clicks = Clicks(rate)
    session = Session(
        clicks.play, block=given.block, sample_rate=rate, channel=given.channel
    )
    limit = time.monotonic() + 2 * clicks.seconds + 5
    with undisturbed(), playing(module, chosen(given, rate), session):
        while not clicks.done and time.monotonic() < limit and session.error is None:
            time.sleep(0.05)
    if session.error is not None:
        raise session.error
    return clicks.played, clicks.heard
