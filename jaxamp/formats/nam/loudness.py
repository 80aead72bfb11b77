"""How loud players may expect a model to be, and how much it compresses."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Model, Params
from jaxamp.dsp.signals import loudness_signal

LEVELS = 11
"""The input is played at 0, 0.1, … 1 times its level to measure the gain."""


class Loudness(NamedTuple):
    """How loud a model answers a given second of sound."""

    loudness: float
    """dB, of the output's RMS."""
    gain: float
    """0: twice as loud an input is twice as loud an output; 1: as loud as before."""


def loudness_and_gain(
    model: Model, params: Params, signal: np.ndarray | None = None
) -> Loudness:
    """How loud the model is and how much it compresses, starting from silence.

    Args:
        signal: `[t]` at the model's sample rate; by default the project's own noise,
            whose samples are played as they are whatever the rate.

    Source:
        formats of the field: 20 log10 of the RMS; the area under the curve of output
        against input level, compared with a straight line.
    """
    signal = loudness_signal() if signal is None else signal
    quiet = np.zeros(model.warmup)
    x = jnp.asarray(np.concatenate([quiet, signal]), jnp.float32)[None, None]
    outputs = np.asarray(jax.jit(play_levels, static_argnums=0)(model, params, x))
    heard = outputs[:, 0, 0, -len(signal) :].astype(np.float64)
    levels = np.sqrt(np.mean(np.square(heard), axis=1))
    straight = 0.5 * LEVELS * levels[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        loudness = 20 * np.log10(levels[-1])
        gain = np.clip((levels.sum() - straight) / straight, 0, 1)
    return Loudness(float(loudness), float(gain))


def play_levels(model: Model, params: Params, x: jax.Array) -> jax.Array:
    """The output for each level, one after the other to spare memory.

    The silence at the start of x reaches the same state as `jaxamp.core.silence`, in
    the same pass: a large model then compiles once, not twice.
    """

    def play(level: jax.Array) -> jax.Array:
        return model.apply(params, level * x, None, model.init_state(params, 1))[0]

    return jax.lax.map(play, jnp.arange(LEVELS, dtype=x.dtype) / (LEVELS - 1))
