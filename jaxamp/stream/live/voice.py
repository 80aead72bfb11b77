"""A model that is loaded, with the state it is in."""

from typing import Any

import numpy as np

from jaxamp.core import KNOB_MIDDLE, Model, Params
from jaxamp.stream.live.glide import Glide
from jaxamp.stream.player import Player

KNOB_SECONDS = 0.05
"""That a knob takes to where it is turned; held keys come each 30 ms or so."""

STEPS = 20
"""From one end of a knob to the other."""


class Voice:
    """A model ready for blocks of one length; it remembers what it has heard.

    What it plays is always finite: a block that is not becomes silence, and the model
    begins again, for a state with NaN in it never recovers.

    One thread plays. Another may turn the knobs meanwhile; they go there smoothly, with
    every sample, by a program that is compiled before.

    Args:
        name: What it is called on the screen.
        controls: Where its knobs stand at first, `[k]`; in the middle without.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        params: Params,
        *,
        block: int,
        controls: Any = None,
    ):
        self.name, self.model = name, model
        self.faults = 0
        """Blocks that were not finite."""
        self._player = Player(
            model, params, block=block, controls=controls, moves=bool(model.controls)
        )
        start = [KNOB_MIDDLE] * len(model.controls) if controls is None else controls
        self.knobs = tuple(float(value) for value in start)
        """Where its knobs are turned to; they may be on their way."""
        samples = max(1, round(KNOB_SECONDS * model.sample_rate))
        self._glides = [Glide(value, samples) for value in self.knobs]
        self._still = np.array(self.knobs, np.float32)
        self._moving = np.zeros((len(self.knobs), block), np.float32)
        self.reset()

    # --- the thread that turns things -------------------------------------------------

    def turn(self, knob: int, up: bool) -> None:
        """Turns a knob by a step."""
        now = self.knobs[knob] * STEPS
        # To the next whole step, if it stands between two.
        step = np.floor(now + 1 + 1e-4) if up else np.ceil(now - 1 - 1e-4)
        value = float(np.clip(step / STEPS, 0.0, 1.0))
        self.knobs = (*self.knobs[:knob], value, *self.knobs[knob + 1 :])

    def stir(self) -> None:
        """The next blocks are played as if knobs were turned, though they are not."""
        for glide in self._glides:
            glide.again()

    # --- the thread that plays --------------------------------------------------------

    def reset(self) -> None:
        """Back to an amp that is on, with nothing played, its knobs where they are."""
        self._state = self._player.silence()
        for glide, value in zip(self._glides, self.knobs, strict=True):
            glide.jump(value)
        self._still[:] = self.knobs

    def play(self, x: np.ndarray) -> np.ndarray:
        """The next block `[block]`."""
        played, self._state = self._player(x, self._state, self._knobs_now(x.size))
        y = np.asarray(played)
        if np.isfinite(y).all():
            return y
        self.faults += 1
        self.reset()
        return np.zeros_like(x)

    def _knobs_now(self, count: int) -> np.ndarray | None:
        """Where they stand `[k]`, or go in the next samples `[k, count]`."""
        if not self._glides:
            return None
        knobs, moving = self.knobs, False
        for glide, value in zip(self._glides, knobs, strict=True):
            glide.set(value)
            moving = moving or not glide.settled
        if not moving:
            return self._still
        for row, glide in zip(self._moving, self._glides, strict=True):
            row[:] = glide.next(count)
        self._still[:] = [glide.target for glide in self._glides]
        return self._moving
