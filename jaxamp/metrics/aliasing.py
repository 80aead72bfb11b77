"""How much of what a model adds to a high note is folded back from above Nyquist.

A distorted sine has harmonics; those beyond half the sample rate come back as tones
that belong to no chord. The probes turn a whole number of times in a prime number of
samples, so that a folded harmonic never lands on a true one.
"""

from collections.abc import Callable

import numpy as np

from jaxamp.dsp.level import amplitude
from jaxamp.dsp.signals import sine

PERIOD = 48_017
"""Samples in one period of every probe; a prime just above a second at 48 kHz."""
PROBES_HZ = (1250.0, 2500.0, 5000.0)


def aliasing(
    render: Callable[[np.ndarray], np.ndarray],
    *,
    sample_rate: int = 48_000,
    level_dbfs: float = -12.0,
    settle: int = 48_000,
) -> dict[str, float]:
    """Aliased energy over harmonic energy, for three sines through a model.

    Everything that is neither the sine, nor a harmonic of it below Nyquist, nor an
    offset counts as aliasing; so do hiss and rounding, which put the floor of a
    float32 model near 1e-13.

    Args:
        render: Plays audio `[t]` through the model and returns as many samples, or
            fewer from the end.
        level_dbfs: Peak of the sine. A string hit hard peaks around -12 dBFS in a
            recording with headroom.
        settle: Samples played first and thrown away, until the model's memory has
            filled and what is left repeats itself.

    Source:
        Sato and Smith 2025, "Aliasing Reduction in Neural Amp Modeling by Smoothing
        Activations": the aliasing-to-signal ratio.
    """
    ratios = {}
    for hertz in PROBES_HZ:
        cycles = round(hertz * PERIOD / sample_rate)
        probe = sine(cycles, PERIOD, settle + PERIOD, amplitude(level_dbfs))
        output = np.asarray(render(probe), np.float64)[-PERIOD:]
        ratios[f"asr_{hertz:.0f}_hz"] = aliased_to_harmonic(output, cycles)
    return ratios


def aliased_to_harmonic(output: np.ndarray, cycles: int) -> float:
    """The ratio for one period `[t]` of a tone that turns `cycles` times in it."""
    power = np.abs(np.fft.rfft(output)) ** 2
    power[0] = 0.0
    harmonic = np.sum(power[::cycles])
    power[::cycles] = 0.0
    return float(np.sum(power) / max(harmonic, np.finfo(np.float64).tiny))
