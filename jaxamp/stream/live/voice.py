"""A model that is loaded, with the state it is in."""

from typing import Any

import numpy as np

from jaxamp.core import Model, Params
from jaxamp.stream.player import Player


class Voice:
    """A model ready for blocks of one length; it remembers what it has heard.

    What it plays is always finite: a block that is not becomes silence, and the model
    begins again, for a state with NaN in it never recovers.

    Args:
        name: What it is called on the screen.
        controls: Where its knobs stand `[k]`.
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
        self._player = Player(model, params, block=block, controls=controls)
        self.reset()

    def reset(self) -> None:
        """Back to an amp that is on, with nothing played."""
        self._state = self._player.silence()

    def play(self, x: np.ndarray) -> np.ndarray:
        """The next block `[block]`."""
        played, self._state = self._player(x, self._state)
        y = np.asarray(played)
        if np.isfinite(y).all():
            return y
        self.faults += 1
        self.reset()
        return np.zeros_like(x)
