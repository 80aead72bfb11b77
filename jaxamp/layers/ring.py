"""A convolution's past that stays where it is, for playing in blocks of one length.

Carrying a past from block to block by cutting it anew copies all of it for each block:
200 kB for A1 standard and 64 samples. A ring is written to in place, and only the
samples that the taps want are read.
"""

import dataclasses

import jax

from jaxamp.core import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ring:
    """What a convolution has heard, in blocks; stands for a past `[b, i, reach]`.

    Every sample is stored twice, `size` apart, so that any stretch of the past lies in
    one piece. Whoever owns the ring writes the block heard into it before the next.

    Shapes:
        recent `[b, i, t]`, older `[b, i, any]` or None where one block is past enough.
    """

    recent: Array
    """The block before the present one."""
    older: Array | None
    """Room shared with other rings; holds the recent block as well."""
    now: Array | None
    """Where in the ring the present block belongs, in samples."""
    reach: int = dataclasses.field(metadata={"static": True})
    start: int = dataclasses.field(metadata={"static": True})
    """Where in the room the ring begins."""
    size: int = dataclasses.field(metadata={"static": True})

    def before(self, lag: int, length: int) -> Array:
        """The `length` samples from `lag` samples before the present block on."""
        block = self.recent.shape[2]
        if lag <= block:
            return self.recent[:, :, block - lag : block - lag + length]
        assert self.older is not None
        assert self.now is not None
        begin = self.start + self.size - lag + self.now
        return jax.lax.dynamic_slice_in_dim(self.older, begin, length, axis=2)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Heard:
    """What a convolution answers for a ring: the block to be written into it."""

    block: Array
