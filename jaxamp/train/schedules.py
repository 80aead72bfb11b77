"""Learning rates over a run, as numbers that compiled calls are given.

A schedule inside the compiled program would make its numbers part of it, and every
other peak or length another program to compile.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxamp.train.step import STEPS_PER_CALL

LARGEST_WARMUP = 0.1
"""Share of the run that the rise takes at most."""


class LearningRates:
    """The learning rate of every step, in pages of as many as a call may make.

    A page begins at a multiple of its length wherever a call begins, because the last
    bit of a rate may depend on its place among those computed with it.
    """

    def __init__(self, schedule: Callable[[Any], Any]):
        self.schedule = schedule
        self.pages: dict[int, np.ndarray] = {}

    def page(self, number: int) -> np.ndarray:
        """Rates `[STEPS_PER_CALL]` from a multiple of their number on."""
        if number not in self.pages:
            steps = jnp.arange(STEPS_PER_CALL) + number * STEPS_PER_CALL
            rates = np.asarray(jax.vmap(self.schedule)(steps), np.float32)
            self.pages[number] = rates
        return self.pages[number]

    def after(self, step: int) -> np.ndarray:
        """Rates `[STEPS_PER_CALL]` of the steps that follow when `step` are made."""
        number, offset = divmod(step, STEPS_PER_CALL)
        pages = np.concatenate([self.page(number), self.page(number + 1)])
        return pages[offset : offset + STEPS_PER_CALL]


def cosine(
    peak_value: float, decay_steps: int, warmup_steps: int = 20, end_value: float = 0.0
) -> optax.Schedule:
    """A short rise from zero, then down along half a cosine, for runs of any length.

    Args:
        decay_steps: Steps of the whole run, the rise included.
        warmup_steps: Steps of the rise; at most a tenth of the run.

    Source:
        Loshchilov & Hutter 2017, without restarts.
    """
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0 if warmup_steps else peak_value,
        peak_value=peak_value,
        warmup_steps=min(warmup_steps, int(LARGEST_WARMUP * decay_steps)),
        decay_steps=decay_steps,
        end_value=end_value,
    )
