"""Sound cards, by PortAudio: finding them, opening them, listening and playing.

PortAudio is imported when it is first asked for: it is an extra, and looks for devices
at once.
"""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from jaxamp.core import ConfigError
from jaxamp.core.shown import shown
from jaxamp.stream.live.session import Session

LONGEST_NAME = 100

ENDING_SECONDS = 5.0
"""That the sound system may take to end a stream."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What is played through, and how.

    Devices are numbers or parts of names; None is the system's own choice.
    """

    input_device: str | None
    output_device: str | None
    channel: int
    """Of the input, counted from 0."""
    block: int
    sample_rate: int


def portaudio() -> Any:
    """The module `sounddevice`.

    Raises:
        ConfigError: It is missing, or the library it calls.
    """
    try:
        import sounddevice  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ConfigError(
            "Playing live needs the package sounddevice, which is not installed. "
            "Install it with `pip install 'jaxamp[live]'`, in a checkout with `uv sync "
            "--extra live`."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"Playing live needs the library PortAudio, which cannot be used ({error})."
            " On Debian and Ubuntu install it with `sudo apt install libportaudio2`; "
            "on macOS and Windows it comes with `pip install 'jaxamp[live]'`."
        ) from error
    return sounddevice


def devices(module: Any) -> list[dict[str, Any]]:
    """Every device, with the name of its sound system."""
    systems = module.query_hostapis()
    return [
        {
            **device,
            "name": shown(device["name"], LONGEST_NAME),
            "system": shown(systems[device["hostapi"]]["name"], LONGEST_NAME),
        }
        for device in module.query_devices()
    ]


def listed(module: Any) -> list[str]:
    """A line for each device."""
    defaults = {}
    for kind, place in (("input", 0), ("output", 1)):
        defaults[kind] = module.default.device[place]
    lines = []
    for number, device in enumerate(devices(module)):
        usual = [kind for kind, index in defaults.items() if index == number]
        marks = f"  (usual {' and '.join(usual)})" if usual else ""
        lines.append(
            f"{number}: {device['name']}, {device['system']}: "
            f"{device['max_input_channels']} in, {device['max_output_channels']} out, "
            f"{device['default_samplerate']:.0f} Hz{marks}"
        )
    return lines


def find(module: Any, wanted: str | None, kind: str) -> int:
    """The number of a device.

    Args:
        wanted: Its number, or part of its name and system.
        kind: `input` or `output`.

    Raises:
        ConfigError: There is none, or there are several.
    """
    able = {
        number: f"{device['name']}, {device['system']}"
        for number, device in enumerate(devices(module))
        if device[f"max_{kind}_channels"] > 0
    }
    choices = "; ".join(f"{number}: {name}" for number, name in able.items())
    there = f"{kind.capitalize()}s are: {choices or 'none at all'}."
    if wanted is None:
        usual = module.default.device[0 if kind == "input" else 1]
        if usual in able:
            return usual
        raise ConfigError(
            f"This computer has no usual {kind} for sound. {there} Connect one, start "
            f"the sound system it belongs to, or choose with --{kind}-device."
        )
    if wanted.isdecimal():
        fitting = [number for number in able if number == int(wanted)]
    else:
        fitting = [
            number for number, name in able.items() if wanted.lower() in name.lower()
        ]
        exact = [n for n in fitting if able[n].lower().startswith(f"{wanted.lower()},")]
        fitting = exact if len(exact) == 1 else fitting
    if len(fitting) != 1:
        many = "Several devices are" if fitting else "No device is"
        raise ConfigError(
            f"{many} called {wanted!r} and can be an {kind}. {there} Give a number, or "
            "a name that one of them has."
        )
    return fitting[0]


@contextmanager
def playing(module: Any, chosen: Chosen, session: Session) -> Iterator[Any]:
    """A stream that is running; the session is called from a thread of its own.

    Raises:
        ConfigError: The devices cannot play so.
    """
    pair = (
        find(module, chosen.input_device, "input"),
        find(module, chosen.output_device, "output"),
    )
    known = devices(module)
    refuse_channel(known[pair[0]], chosen.channel)

    def callback(
        heard: np.ndarray, played: np.ndarray, frames: int, time: Any, status: Any
    ) -> None:
        del frames, time
        try:
            session.call(heard, played, status)
        except BaseException as error:
            played.fill(0)
            session.error = error
            raise module.CallbackAbort from error

    outputs = min(2, known[pair[1]]["max_output_channels"])
    try:
        stream = module.Stream(
            samplerate=chosen.sample_rate,
            blocksize=chosen.block,
            device=pair,
            channels=(chosen.channel + 1, outputs),
            dtype="float32",
            latency="low",
            callback=callback,
        )
        stream.start()
    except module.PortAudioError as error:
        raise ConfigError(refused(error, chosen, known, pair)) from error
    try:
        yield stream
    finally:
        session.stuck = not ended(stream)


def ended(stream: Any, seconds: float = ENDING_SECONDS) -> bool:
    """Ends a stream; whether it did.

    A sound server that has thrown the program out, or is gone, never answers, and
    PortAudio waits for it without end: so another thread does the waiting.
    """

    def end() -> None:
        stream.stop()
        stream.close()

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    ending.join(seconds)
    return not ending.is_alive()


def refuse_channel(device: dict[str, Any], channel: int) -> None:
    """Raises for a channel that the input does not have."""
    if channel >= device["max_input_channels"]:
        raise ConfigError(
            f"--channel {channel} is not in {device['name']}, which has "
            f"{device['max_input_channels']}: they are counted from 0."
        )


def refused(
    error: Exception, chosen: Chosen, known: list[dict[str, Any]], pair: tuple[int, int]
) -> str:
    """Why a stream could not be opened, and what to do."""
    names = " and ".join(dict.fromkeys(known[number]["name"] for number in pair))
    rates = {round(known[number]["default_samplerate"]) for number in pair}
    advice = "Try a longer --block, or other devices (--list)."
    if rates != {chosen.sample_rate}:
        own = " and ".join(map(str, sorted(rates)))
        advice = (
            f"They are set to {own} Hz. Set them, and the sound system, to "
            f"{chosen.sample_rate} Hz, which the model was learned at."
        )
    return (
        f"{names} cannot be played through at {chosen.sample_rate} Hz in blocks of "
        f"{chosen.block} samples: {shown(str(error))}. {advice}"
    )
