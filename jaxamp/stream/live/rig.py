"""Everything between the guitar and the loudspeaker: gains, models, cabinet, bypass.

One thread plays: `play` a block, again and again, and nothing in it waits. Another may
turn anything meanwhile, with `set`, and must `tend`: a model that is to be heard next
is warmed there, with the last second of playing, and then handed over.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxamp.core import ConfigError
from jaxamp.dsp.convolution import Convolver
from jaxamp.stream.live.glide import Glide, mixed, scaled
from jaxamp.stream.live.meters import Level
from jaxamp.stream.live.voice import Voice

FADE_SECONDS = 0.02
"""From one model to another, into bypass, to another gain, …"""

REMEMBERED_SECONDS = 1.0
"""Of playing that a model hears before it is heard, at least."""

CATCH_UP = 1
"""Blocks that a model may lag behind when it is handed over; they are played in the
time of the first that is heard, so there may not be many."""

TEND_SECONDS = 0.02
"""Of sound that is worked off at once while a model is being readied, at least; keys
are looked at in between."""

MOST_LAPS = 20
"""Times the whole warm-up that a model may have heard without having caught up."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What can be turned while playing."""

    voice: int = 0
    input_gain: float = 1.0
    """Factor, before the model."""
    output_gain: float = 1.0
    bypass: bool = False
    """The guitar as it comes in, at the output gain."""
    cabinet: bool = True
    """Whether the cabinet is in, where there is one."""


@dataclasses.dataclass
class Warming:
    """How far a voice is that is being readied."""

    voice: Voice
    turn: int
    """Of the block it hears next."""
    played: int = 0


class Rig:
    """Plays blocks: `y = rig.play(x)`.

    The voice that is chosen plays on through a bypass, so that comparing is instant;
    others rest. Two run during a change, and fade evenly. What comes out is finite and
    within full scale.

    Args:
        voices: Models ready for blocks of this length; the first is heard first.
        cabinet: What the model's sound is convolved with.
    """

    def __init__(
        self,
        voices: Sequence[Voice],
        *,
        block: int,
        sample_rate: int,
        cabinet: Convolver | None = None,
        settings: Settings | None = None,
    ):
        self.voices, self.block, self.cabinet = tuple(voices), block, cabinet
        self.sample_rate = sample_rate
        longest = max(voice.model.warmup for voice in self.voices)
        warm = max(longest, REMEMBERED_SECONDS * sample_rate)
        self._warm = int(-(-warm // block))
        # Twice as long, so that what is being read is not written over meanwhile.
        self._past = np.zeros((2 * self._warm + CATCH_UP, block), np.float32)
        self.settings = settings or Settings()
        self.start()

    def start(self, **changes: Any) -> None:
        """Silence everywhere, and all as it is set; not while it is playing."""
        self.set(**changes)
        settings, fade = self.settings, max(1, round(FADE_SECONDS * self.sample_rate))
        self.input, self.output = Level(), Level()
        self.muted = 0
        """Blocks that were silenced because they were not finite."""
        for voice in self.voices:
            voice.reset()
        if self.cabinet is not None:
            self.cabinet.forget()
        self._current = self.voices[settings.voice]
        self._leaving: Voice | None = None
        self._offer: tuple[Voice, int] | None = None
        self._warming: Warming | None = None
        self.too_slow: Voice | None = None
        """A voice that was wanted, and did not catch up beside the one that plays."""
        self._change = Glide(1.0, fade)
        self._input_gain = Glide(settings.input_gain, fade)
        self._output_gain = Glide(settings.output_gain, fade)
        self._bypass = Glide(float(settings.bypass), fade)
        self._cabinet = Glide(float(settings.cabinet), fade)
        self._open = Glide(1.0, fade)
        self._turn = 0
        self._faulty = False

    @property
    def heard(self) -> Voice:
        """The voice that is heard now, or that is being faded to."""
        return self._current

    # --- the thread that turns things -------------------------------------------------

    def set(self, **changes: Any) -> None:
        """Turns something; for voices, `tend` does the rest.

        Raises:
            ConfigError: There is no such voice.
        """
        settings = dataclasses.replace(self.settings, **changes)
        if not 0 <= settings.voice < len(self.voices):
            raise ConfigError(
                f"There is no model {settings.voice + 1}: {len(self.voices)} are "
                "loaded, counted from 1."
            )
        self.settings = settings

    def tend(self) -> bool:
        """Readies the voice that is wanted, if it is not heard yet; call it often.

        It begins in silence, hears what was played of late, as fast as it can, and is
        offered to the other thread, which refuses it where that took too long. Where
        it does not catch up, the voice that plays goes on.

        Returns:
            Whether there is more to do at once.
        """
        voice = self.voices[self.settings.voice]
        if voice is self._current or self._offer or self._leaving:
            self._warming = None
            return False
        warming = self._warming
        if warming is None or warming.voice is not voice:
            voice.reset()
            warming = Warming(voice, max(0, self._turn - self._warm))
            self._warming = warming
        for _ in range(max(1, round(TEND_SECONDS * self.sample_rate / self.block))):
            if warming.turn >= self._turn:
                self._warming, self._offer = None, (voice, warming.turn)
                return False
            if self._turn - warming.turn >= len(self._past) - CATCH_UP - 1:
                warming.played = MOST_LAPS * self._warm  # its past is written over
            if warming.played >= MOST_LAPS * self._warm:
                self._warming, self.too_slow = None, voice
                self.set(voice=self.voices.index(self._current))
                return False
            voice.play(self._past[warming.turn % len(self._past)])
            warming.turn += 1
            warming.played += 1
        return True

    # --- the thread that plays --------------------------------------------------------

    def play(self, x: np.ndarray) -> np.ndarray:
        """The next block `[block]`, float32."""
        settings, count = self.settings, self.block
        sound = bool(np.isfinite(x).all())
        if not sound:
            x = np.zeros_like(x)
        self.input.hear(x)
        self._input_gain.set(settings.input_gain)
        heard = scaled(x, self._input_gain.next(count))
        wet = self._coloured(self._played(heard), settings)
        self._past[self._turn % len(self._past)] = heard
        self._turn += 1
        self._bypass.set(float(settings.bypass))
        self._output_gain.set(settings.output_gain)
        y = mixed(wet, x, self._bypass.next(count))
        y = scaled(y, self._output_gain.next(count))
        return self._guarded(y, sound)

    def _played(self, x: np.ndarray) -> np.ndarray:
        """What the voice answers, or the two of a change."""
        self._take_offer()
        heard = [voice for voice in (self._current, self._leaving) if voice]
        faults = sum(voice.faults for voice in heard)
        y = self._current.play(x)
        if self._leaving:
            y = mixed(self._leaving.play(x), y, self._change.next(self.block))
            if self._change.settled:
                self._leaving = None
        self._faulty = sum(voice.faults for voice in heard) > faults
        return y

    def _take_offer(self) -> None:
        """Begins to fade to the voice that is offered, if it is not far behind."""
        if self._offer is None:
            return
        voice, turn = self._offer
        if self._turn - turn <= CATCH_UP:
            for missed in range(turn, self._turn):
                voice.play(self._past[missed % len(self._past)])
            self._leaving, self._current = self._current, voice
            self._change = Glide(0.0, self._change.samples)
            self._change.set(1.0)
        self._offer = None

    def _coloured(self, y: np.ndarray, settings: Settings) -> np.ndarray:
        """With the cabinet, which goes on hearing where it is taken out."""
        if self.cabinet is None:
            return y
        self._cabinet.set(float(settings.cabinet))
        return mixed(y, self.cabinet(y), self._cabinet.next(self.block))

    def _guarded(self, y: np.ndarray, sound: bool) -> np.ndarray:
        """Silence instead of what is not finite, and full scale at most."""
        if not (sound and np.isfinite(y).all()) or self._faulty:
            self.muted += 1
            self._open = Glide(0.0, self._open.samples)
            self._open.set(1.0)
            if self.cabinet is not None:
                self.cabinet.forget()
            return np.zeros_like(y)
        y = scaled(y, self._open.next(self.block))
        self.output.hear(y)
        return np.clip(y, -1.0, 1.0)
