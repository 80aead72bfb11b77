"""Windows of a recording, cut inside the compiled step from audio on the device.

There is no loader and nothing to checkpoint: a window is a function of key and step.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, Batch, Capture, CaptureError, ConfigError

SAMPLINGS = ("random", "grid")

LEVELS = 2
"""What is folded into a step's key to draw levels; its places use up 0 and 1."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Windows:
    """A dataset of equally long windows over one or more captures.

    A draw picks a cell: with sampling `random` every sample may start a window; with
    `grid` the windows tile the captures without overlap and each epoch shows every
    one of them once, in a new order, leaving out what does not fill a batch.

    Shapes:
        input, target `[n]`, all captures end to end; firsts, before `[captures]`,
        the first sample of each capture's first window and the cells before it;
        cells `[]`, how many there are; controls `[captures, k]`, None without knobs.
    """

    input: Array
    target: Array
    firsts: Array
    before: Array
    cells: Array
    controls: Array | None
    tiles: int = dataclasses.field(metadata={"static": True})
    """The cells of a grid, whose order must be known to compile; 0 without one."""
    batch: int = dataclasses.field(metadata={"static": True})
    context: int = dataclasses.field(metadata={"static": True})
    outputs: int = dataclasses.field(metadata={"static": True})
    level_db: float = dataclasses.field(default=0.0, metadata={"static": True})
    """How much louder or quieter a window may be made, input and target alike."""

    @property
    def steps_per_epoch(self) -> int:
        """Steps that show every target sample about once."""
        windows = self.tiles or int(self.cells) // self.outputs
        return max(1, windows // self.batch)

    def sample(self, key: Array, step: Array) -> Batch:
        """The windows of one step."""
        mine = jax.random.fold_in(key, step)
        if self.tiles:
            cells = self.shuffled(key, step)
        else:
            cells = jax.random.randint(mine, (self.batch,), 0, self.cells)
        capture = jnp.searchsorted(self.before, cells, side="right") - 1
        offset = (cells - self.before[capture]) * (self.outputs if self.tiles else 1)
        starts = self.firsts[capture] + offset
        heard = cut(self.input, starts, self.context + self.outputs)
        answer = cut(self.target, starts + self.context, self.outputs)
        knobs = None if self.controls is None else self.controls[capture]
        if not self.level_db:
            return Batch(heard, answer, knobs)
        gains = self.gains(jax.random.fold_in(mine, LEVELS))
        return Batch(gains * heard, gains * answer, knobs)

    def gains(self, key: Array) -> Array:
        """A gain for each window, evenly spread in decibels: `[b, 1, 1]`."""
        most = self.level_db
        levels = jax.random.uniform(key, (self.batch, 1, 1), minval=-most, maxval=most)
        return 10 ** (levels / 20)

    def shuffled(self, key: Array, step: Array) -> Array:
        """This step's share of the epoch's order of cells."""
        epoch, position = jnp.divmod(step, self.steps_per_epoch)
        order = jax.random.permutation(jax.random.fold_in(key, epoch), self.tiles)
        return jax.lax.dynamic_slice(order, (position * self.batch,), (self.batch,))


def windows(
    captures: Sequence[Capture],
    *,
    context: int,
    outputs: int,
    batch: int,
    sampling: str = "random",
    level_db: float = 0.0,
    knobs: Sequence[int] | None = None,
) -> Windows:
    """Windows of `context` + `outputs` samples over the captures.

    Args:
        knobs: Which of the captures' knobs are told, in this order; None is all.
        level_db: The most by which a window's level is changed, up or down, its
            target's with it: true of what is linear, and only nearly of an amp.

    Raises:
        CaptureError: No capture is long enough for one window, or the grid has too
            few windows for one batch.
    """
    if sampling not in SAMPLINGS:
        raise ConfigError(
            f"Sampling {sampling!r} is not known. Known are: {', '.join(SAMPLINGS)}."
        )
    tiled = sampling == "grid"
    stride = outputs if tiled else 1
    need = context + outputs
    captures = [shortened(capture, context) for capture in captures]
    lengths = [capture.context.size + capture.input.size for capture in captures]
    counts = [(length - need) // stride + 1 for length in lengths]
    cells = sum(max(0, count) for count in counts)
    if cells == 0:
        longest = max(lengths, default=0)
        raise CaptureError(
            f"The recording is too short for one window: of {longest:,} samples to "
            f"train on, one window takes {need:,} ({context:,} of context and "
            f"{outputs:,} of output). Record more, or ask for shorter windows with "
            "train.outputs=N."
        )
    if tiled and cells < batch:
        raise CaptureError(
            f"The grid has {cells} windows, one batch takes {batch}. Use "
            "train.sampling=random, fewer windows a batch (train.batch=N) or shorter "
            "ones (train.outputs=N)."
        )
    long_enough = [i for i, count in enumerate(counts) if count > 0]
    kept = [captures[i] for i in long_enough]
    ends = np.cumsum([0] + [lengths[i] for i in long_enough])
    before = np.cumsum([0] + [counts[i] for i in long_enough])
    return Windows(
        input=jnp.asarray(np.concatenate([whole(c) for c in kept]), jnp.float32),
        target=jnp.asarray(np.concatenate([answer(c) for c in kept]), jnp.float32),
        firsts=jnp.asarray(ends[:-1], jnp.int32),
        before=jnp.asarray(before[:-1], jnp.int32),
        cells=jnp.asarray(cells, jnp.int32),
        controls=settings(kept, knobs),
        tiles=int(cells) if tiled else 0,
        batch=batch,
        context=context,
        outputs=outputs,
        level_db=level_db,
    )


def settings(captures: Sequence[Capture], knobs: Sequence[int] | None) -> Array | None:
    """Where some knobs stood in each capture `[captures, k]`; None without any.

    Raises:
        CaptureError: Not all captures have the same number of knobs.
    """
    counts = {capture.controls.size for capture in captures}
    if len(counts) > 1:
        raise CaptureError(
            f"The captures differ in their number of knobs: {sorted(counts)}. Each "
            "must say where every knob stood."
        )
    stood = np.stack([capture.controls for capture in captures])
    told = stood if knobs is None else stood[:, list(knobs)]
    return jnp.asarray(told) if told.shape[1] else None


def shortened(capture: Capture, context: int) -> Capture:
    """The capture with no more context than one window hears.

    The target that answers the context is unknown, so no window may ask for it.
    """
    before = capture.context[max(0, capture.context.size - context) :]
    return dataclasses.replace(capture, context=before)


def whole(capture: Capture) -> np.ndarray:
    """The capture's input with the real audio before it."""
    return np.concatenate([capture.context, capture.input])


def answer(capture: Capture) -> np.ndarray:
    """The capture's target, behind zeros that no window reaches."""
    return np.concatenate([np.zeros_like(capture.context), capture.target])


def cut(audio: Array, starts: Array, length: int) -> Array:
    """Windows `[b, 1, length]` of audio `[n]`."""

    def one(start: Array) -> Array:
        return jax.lax.dynamic_slice(audio, (start,), (length,))

    return jax.vmap(one)(starts)[:, None, :]
