"""Blocks of the length that models were compiled for, out of whatever a host asks."""

from collections.abc import Callable

import numpy as np


class Blocks:
    """Plays any number of samples by calls of `block` samples each.

    As long as whole blocks are asked for, nothing is delayed. From the first odd number
    on, what comes out lags by `block - 1` samples, once and for all.

    Args:
        play: Answers `[block]` with `[block]`.
    """

    def __init__(self, play: Callable[[np.ndarray], np.ndarray], block: int):
        self.play, self.block = play, block
        self.lag = 0
        """Samples by which the output is late."""
        self._in = np.zeros(0, np.float32)
        self._out = np.zeros(0, np.float32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The answer to x `[any]`, of the same length."""
        if x.size == self.block and not self.lag:
            return self.play(x)
        if x.size % self.block and not self.lag:
            self.lag = self.block - 1
            self._out = np.zeros(self.lag, np.float32)
        heard = np.concatenate([self._in, x])
        whole = heard.size - heard.size % self.block
        blocks = heard[:whole].reshape(-1, self.block)
        played = np.concatenate([self._out, *map(self.play, blocks)])
        self._in, self._out = heard[whole:], played[x.size :]
        return played[: x.size]
