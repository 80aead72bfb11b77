"""What goes on beside the sound: keys, a line on the screen, files, last words."""

import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jaxamp.cli.folder import write_json
from jaxamp.cli.keys import keyboard
from jaxamp.cli.main import complain
from jaxamp.core import ConfigError
from jaxamp.core.cloud import delivered
from jaxamp.core.shown import paragraph, shown
from jaxamp.data.audio import AudioWriter
from jaxamp.dsp.level import amplitude, decibels
from jaxamp.stream.live import Rig, Voice
from jaxamp.stream.live.session import Session

TICK_SECONDS = 0.03
"""Between looks at the keys."""

SHOWN_SECONDS = 0.2
"""Between lines on the screen."""

STEP_DB = 1.0
"""Of a key that turns something."""

LOUDEST, QUIETEST = amplitude(60.0), amplitude(-60.0)

GONE = (
    "The sound system ended the stream: a device is gone, or was taken. Connect it "
    "again, look with --list, and start again."
)

LONGEST_NAME = 40
"""Letters of a model's name on the screen."""

LONGEST_KNOB = 16
"""Letters of a knob's name on the screen."""


class Recording:
    """Two files, of what is heard and of what is played; or none.

    They appear under their names when the `with` statement ends without an error.
    """

    def __init__(self, path: str | None, sample_rate: int):
        self.paths = [] if path is None else [heard_beside(path), path]
        self._rate = sample_rate
        self._writers: list[AudioWriter] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Recording":
        with ExitStack() as opening:
            for path in self.paths:
                place = opening.enter_context(delivered(path))
                writer = AudioWriter(place, self._rate)
                self._writers.append(opening.enter_context(writer))
            self._stack = opening.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def write(self, session: Session) -> None:
        """What was kept since the last time."""
        for pair in session.recorded():
            for writer, samples in zip(self._writers, pair, strict=True):
                writer.write(samples)


def heard_beside(path: str) -> str:
    """OUT.di.wav for OUT.wav."""
    suffix = Path(path).suffix
    return f"{path.removesuffix(suffix)}.di{suffix}"


class Loop:
    """Runs until q, Ctrl-C, the end of the time or a fault.

    Args:
        stream: PortAudio's, for the latency it reports.
        seconds: Of sound, after which it ends.
    """

    def __init__(
        self,
        rig: Rig,
        session: Session,
        stream: Any,
        recording: Recording,
        seconds: float | None,
    ):
        self.rig, self.session, self.recording = rig, session, recording
        self.stream = stream
        limit = float("inf") if seconds is None else seconds * session.sample_rate
        self._limit, self._ended = limit, False
        self._shown_at, self._muted, self._busy = 0.0, 0, False
        self._knob = 0
        self._screen = sys.stdout.isatty()
        self.latency_ms = 1000 * (sum(stream.latency) + rig.block / session.sample_rate)
        """What the sound system says the way in and out takes, and a block."""

    def run(self) -> bool:
        """Returns whether it was stopped from outside."""
        stopped = False
        try:
            with keyboard() as pressed:
                while not self._ended and self.session.frames < self._limit:
                    self.tick(pressed(0.0 if self._busy else TICK_SECONDS))
        except KeyboardInterrupt:
            stopped = True
        if self._screen:
            print()
        return stopped

    def tick(self, keys: str) -> None:
        """Does what there is to do, which is little and never long."""
        if self.session.error is not None:
            raise self.session.error
        if not self.stream.active:
            raise ConfigError(GONE)
        for key in keys:
            self.press(key)
        self._busy = self.rig.tend()
        if self.rig.too_slow is not None:
            complain(
                f"warning: {shown(self.rig.too_slow.name)} does not catch up beside "
                "the model that plays, on this computer. Take a longer --block or a "
                "smaller model."
            )
            self.rig.too_slow = None
        self.recording.write(self.session)
        if self.rig.muted > self._muted:
            if not self._muted:
                complain(
                    "warning: The model or the input gave numbers that are not finite; "
                    "silence was played instead."
                )
            self._muted = self.rig.muted
        now = time.monotonic()
        if self._screen and now >= self._shown_at:
            self._shown_at = now + SHOWN_SECONDS
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{self.line()[:width]:<{width}}", end="", flush=True)

    def press(self, key: str) -> None:
        """One key."""
        rig, now = self.rig, self.rig.settings
        if key in "123456789" and int(key) <= len(rig.voices):
            rig.set(voice=int(key) - 1)
        elif key == "b":
            rig.set(bypass=not now.bypass)
        elif key == "i":
            rig.set(cabinet=not now.cabinet)
        elif key in "+=-_":
            rig.set(output_gain=turned(now.output_gain, key in "+="))
        elif key in "[]":
            rig.set(input_gain=turned(now.input_gain, key == "]"))
        elif key == "k":
            self._knob += 1
        elif key in ".,><" and (voice := rig.voices[now.voice]).knobs:
            voice.turn(self._knob % len(voice.knobs), key in ".>")
        elif key == "q":
            self._ended = True

    def line(self) -> str:
        """How it goes, in a line."""
        rig, session, now = self.rig, self.session, self.rig.settings
        median, most = session.times.load()
        parts = [
            f"in {level(rig.input.peak())}{clips(rig.input.clipped)}",
            f"out {level(rig.output.peak())}{clips(rig.output.clipped)}",
            f"load {100 * median:.0f} %, p99 {100 * most:.0f} %",
            f"dropouts {session.dropouts}",
            f"{self.latency_ms:.1f} ms",
            f"{now.voice + 1} {shown(rig.voices[now.voice].name[-LONGEST_NAME:])}",
        ]
        if rig.voices[now.voice].knobs:
            parts.append(knobs_of(rig.voices[now.voice], self._knob))
        if rig.cabinet is not None:
            parts.append(f"IR {'on' if now.cabinet else 'off'}")
        for name, gain in (("in", now.input_gain), ("out", now.output_gain)):
            if gain != 1:
                parts.append(f"{name} {decibels(gain):+.0f} dB")
        if now.bypass:
            parts.append("BYPASS")
        if rig.muted:
            parts.append(f"muted {rig.muted}")
        return " | ".join(parts)

    def figures(self) -> dict[str, Any]:
        """Everything that was counted."""
        rig, session = self.rig, self.session
        return {
            "seconds": session.frames / session.sample_rate,
            "models": [voice.name for voice in rig.voices],
            "knobs": [
                dict(zip(voice.model.controls, voice.knobs, strict=True))
                for voice in rig.voices
            ],
            "sample_rate": session.sample_rate,
            "block": rig.block,
            "dropouts": session.dropouts,
            "dropouts_at_seconds": list(session.when),
            "urgent": session.urgent,
            "flags": dict(session.flagged),
            "callback": session.times.told(),
            "reported_latency_ms": self.latency_ms,
            "lag_samples": session.lag,
            "input_peak": rig.input.highest,
            "input_clipped": rig.input.clipped,
            "output_peak": rig.output.highest,
            "output_clipped": rig.output.clipped,
            "muted_blocks": rig.muted,
            "recording_lost": session.lost,
        }


def turned(gain: float, up: bool) -> float:
    """A gain one step louder or quieter."""
    moved = gain * amplitude(STEP_DB if up else -STEP_DB)
    if abs(decibels(moved)) < STEP_DB / 100:
        return 1.0  # exactly as it is, after as many steps back
    return min(max(moved, QUIETEST), LOUDEST)


def knobs_of(voice: Voice, chosen: int) -> str:
    """Where the knobs of a model are turned to, the chosen one in brackets."""
    told = [
        f"{shown(name, LONGEST_KNOB)} {value:.2f}"
        for name, value in zip(voice.model.controls, voice.knobs, strict=True)
    ]
    chosen %= len(told)
    told[chosen] = f"[{told[chosen]}]"
    return " ".join(told)


def level(peak: float) -> str:
    """A peak in dB, always as wide."""
    return f"{decibels(peak) if peak > 1e-5 else -100:4.0f} dB"


def clips(count: int) -> str:
    """Samples at full scale, if any."""
    return f" CLIPPED {count}" if count else ""


def finish(loop: Loop, file: str | None) -> None:
    """Says how it went, and writes it down."""
    figures = loop.figures()
    times = figures["callback"]
    told = (
        f"{figures['seconds']:.1f} s in blocks of {figures['block']}: "
        f"{figures['dropouts']} dropouts, {times['late']} blocks late; "
        f"99 of 100 in {times['p99_us']:.0f} µs "
        f"of {times['deadline_us']:.0f}, the longest in {times['worst_us']:.0f} µs; "
        f"peaks {level(figures['input_peak']).strip()} in, "
        f"{level(figures['output_peak']).strip()} out."
    )
    print(paragraph(told))
    held_up = figures["dropouts"] or times["late"]
    if held_up and sys.platform == "linux" and not figures["urgent"]:
        complain(
            "warning: Other programs may have held the sound up, for this one has no "
            "real-time priority. Allow it to ask for one: on Debian, `sudo usermod -aG "
            "audio $USER` after installing jackd2, and log in again."
        )
    if figures["output_clipped"]:
        complain(
            f"warning: {figures['output_clipped']} samples reached full scale. Turn "
            "the output down, with - or --output-gain."
        )
    if figures["recording_lost"]:
        complain(
            f"warning: {figures['recording_lost']} samples are missing from the "
            "recording: the disk was too slow."
        )
    write_figures(file, figures)


def write_figures(file: str | None, figures: dict[str, Any]) -> None:
    """Numbers as JSON, where a file is named."""
    if file is not None:
        with delivered(file) as place:
            write_json(place, figures)
