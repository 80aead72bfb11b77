"""Short-time spectra: how loud each frequency is from moment to moment.

Only magnitudes are offered, since nothing here looks at phase. They are floored so
that silence has a logarithm and a gradient.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from jaxamp.core import Array
from jaxamp.core.batch import WINDOWS


class Resolution(NamedTuple):
    """One trade of detail in time against detail in frequency, in samples."""

    fft_size: int
    hop: int
    window: int


MULTI_RESOLUTION = (
    Resolution(1024, 120, 600),
    Resolution(2048, 240, 1200),
    Resolution(512, 50, 240),
)
"""The three resolutions everyone compares with.

Source: Yamamoto et al. 2020, ICASSP (Parallel WaveGAN), table 1.
"""

POWER_FLOOR = 1e-8
"""Smallest power a bin is given, in full-scale squared."""


def magnitude(x: Array, resolution: Resolution) -> Array:
    """The strength of every frequency in every frame.

    Frames are centred on samples 0, hop, 2 * hop …, and the signal is mirrored at
    its ends. The window may be shorter than the transform; where it sits inside
    does not change a magnitude, so it is put first and the rest is zeros.

    Shapes:
        x `[..., t]` -> `[..., 1 + t // hop, fft_size // 2 + 1]`
    """
    windowed = frames(x, resolution) * hann(resolution.window).astype(np.float32)
    spectrum = transformed(windowed, resolution.fft_size)
    power = spectrum.real**2 + spectrum.imag**2
    return jnp.sqrt(jnp.maximum(power, POWER_FLOOR))


def transformed(x: Array, size: int) -> Array:
    """The Fourier transform of real frames, each window's on the device that has it.

    XLA, compiling for several devices, would otherwise have each transform all windows.
    """

    def transform(x: Array) -> Array:
        return jnp.fft.rfft(x, size)

    if WINDOWS not in jax.sharding.get_abstract_mesh().axis_names:
        return transform(x)
    along = PartitionSpec(WINDOWS)
    return jax.shard_map(transform, in_specs=along, out_specs=along, check_vma=False)(x)


def frames(x: Array, resolution: Resolution) -> Array:
    """Overlapping stretches of the signal, one every `hop` samples.

    The signal is cut into blocks of one hop, and a frame is a few blocks in a row.
    Copies of all blocks, one copy after the other, are read in rows one block longer:
    row k then begins with block k, and a column is a frame. A gather would do the
    same, but its gradient is a scatter: three times slower on a CPU, and summed in no
    fixed order on a GPU.

    Shapes:
        x `[..., t]` -> `[..., 1 + t // hop, window]`
    """
    _, hop, window = resolution
    lead, whole = x.shape[:-1], [(0, 0)] * (x.ndim - 1)
    count, per_frame = 1 + x.shape[-1] // hop, -(-window // hop)
    blocks = count + per_frame - 1
    mirrored = jnp.pad(x, [*whole, ((window + 1) // 2, window // 2)], mode="reflect")
    once = jnp.pad(mirrored, [*whole, (0, hop)])[..., : blocks * hop]
    once = once.reshape(*lead, 1, blocks, hop)
    copies = jnp.broadcast_to(once, (*lead, per_frame, blocks, hop))
    copies = copies.reshape(*lead, per_frame * blocks, hop)
    longer = jnp.pad(copies, [*whole, (0, per_frame), (0, 0)])
    rows = longer.reshape(*lead, per_frame, blocks + 1, hop)[..., :count, :]
    return jnp.swapaxes(rows, -3, -2).reshape(*lead, count, -1)[..., :window]


def hann(length: int) -> np.ndarray:
    """The periodic Hann window, whose overlapped copies add up to a constant."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
