"""What is carried from block to block while playing, in as few arrays as will do.

A call costs about 2 µs for each array, and cutting a past anew for each block copies
all of it. So pasts lie in rings, rings of as many channels share a room, and all else
is one array. The arrays are used up by a call and written in place.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, Model, Params, State
from jaxamp.core.compiler import ONE_KERNEL, WIDE
from jaxamp.layers import Heard, Ring, fits_one_kernel, one_kernel


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one past is kept: rows of the recent blocks and, if longer, a ring."""

    row: int
    channels: int
    reach: int
    start: int = 0
    blocks: int = 0
    """Blocks in the ring, a power of two; 0 where the recent block is enough."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Carried:
    """What a player carries from block to block.

    Shapes:
        recent `[b, rows, t]`, rooms: channels -> `[b, channels, any]`, rest `[any]`.
    """

    recent: Array
    """The block before, as each convolution heard it; not yet in the rings."""
    rooms: dict[str, Array]
    rest: Array
    """Everything else of the model's state, end to end."""
    turn: Array
    """Blocks played; wraps around without harm."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything of a model's state lies, for blocks of one length.

    Layouts that are equal share one compiled program.
    """

    block: int
    batch: int
    tree: Any
    shapes: tuple[tuple[int, ...], ...]
    """Of the leaves of the model's own state."""
    rings: bool
    whole: bool = False
    """Whether a block is played by one kernel; see `jaxamp.layers.one_kernel`."""

    @staticmethod
    def of(model: Model, state: State, block: int, batch: int) -> "Layout":
        """The layout for a state that knows the whole past."""
        leaves, tree = jax.tree.flatten(state)
        shapes = tuple(leaf.shape for leaf in leaves)
        return Layout(block, batch, tree, shapes, model.rings)

    def decided(
        self, model: Model, params: Params, state: Carried, controls: Any = None
    ) -> "Layout":
        """The same, with blocks played by one kernel where they can be."""
        given = (params, self._block(), state, controls)
        leaves, tree = jax.tree.flatten(given)
        shapes = tuple(
            jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf))
            for leaf in leaves
        )
        return dataclasses.replace(self, whole=fits(self, model, tree, shapes))

    def _block(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((self.batch, 1, self.block), jnp.float32)

    @property
    def options(self) -> dict[str, Any]:
        """What XLA is asked for when it compiles a program that plays."""
        return ONE_KERNEL if self.whole else WIDE

    @functools.cached_property
    def places(self) -> "dict[int, Place]":
        """Where each past is kept, by its number in the state."""
        return places(self.shapes, self.block) if self.rings else {}

    def play(
        self,
        model: Model,
        params: Params,
        x: Array,
        state: Carried,
        controls: Array | None = None,
    ) -> tuple[Array, Carried]:
        """The next block x `[batch, 1, block]`, with knobs `[batch, k(, block)]`."""
        turn = functools.partial(self.turn, model)
        if self.whole:
            return one_kernel(turn, params, x, state, controls)
        return turn(params, x, state, controls)

    def turn(
        self,
        model: Model,
        params: Params,
        x: Array,
        state: Carried,
        controls: Array | None,
    ) -> tuple[Array, Carried]:
        """The same, in as many kernels as XLA likes."""
        rooms = self.written(state)
        pasts = self.unpacked(state, rooms)
        y, after = model.apply(params, x, controls, pasts)
        leaves = jax.tree.leaves(after, is_leaf=lambda leaf: isinstance(leaf, Heard))
        blocks = [leaf.block for leaf in leaves if isinstance(leaf, Heard)]
        rest = [jnp.ravel(leaf) for leaf in leaves if not isinstance(leaf, Heard)]
        return y, Carried(
            recent=joined(blocks, 1, state.recent),
            rooms=rooms,
            rest=joined(rest, 0, state.rest),
            turn=state.turn + 1,
        )

    def written(self, state: Carried) -> dict[str, Array]:
        """The rooms with the recent blocks in their rings.

        Only now and not when they were heard: written before anything is read, XLA
        needs no copy of a room.
        """
        rooms = dict(state.rooms)
        for place in self.places.values():
            if place.blocks:
                room, before = str(place.channels), self._now(place, state.turn - 1)
                mine = state.recent[:, place.row : place.row + place.channels]
                for half in (0, place.blocks * self.block):
                    at = place.start + half + before
                    rooms[room] = jax.lax.dynamic_update_slice_in_dim(
                        rooms[room], mine, at, axis=2
                    )
        return rooms

    def _now(self, place: Place, turn: Array) -> Array:
        """Where in its ring the block of a turn belongs, in samples."""
        return ((turn & (place.blocks - 1)) * self.block).astype(jnp.int32)

    def unpacked(self, state: Carried, rooms: dict[str, Array]) -> State:
        """The model's own state, with rings for pasts."""
        leaves, used = [], 0
        for index, shape in enumerate(self.shapes):
            place = self.places.get(index)
            if place is None:
                size = int(np.prod(shape))
                leaves.append(state.rest[used : used + size].reshape(shape))
                used += size
                continue
            leaves.append(
                Ring(
                    recent=state.recent[:, place.row : place.row + place.channels],
                    older=rooms[str(place.channels)] if place.blocks else None,
                    now=self._now(place, state.turn) if place.blocks else None,
                    reach=place.reach,
                    start=place.start,
                    size=place.blocks * self.block,
                )
            )
        return jax.tree.unflatten(self.tree, leaves)

    def packed(self, state: State) -> Carried:
        """A model's own state, as it is carried before the first turn."""
        leaves = jax.tree.leaves(state)
        rows = sum(place.channels for place in self.places.values())
        recent = np.zeros((self.batch, rows, self.block), np.float32)
        rooms = self._empty_rooms()
        for index, place in self.places.items():
            past = np.asarray(leaves[index])
            near = past[:, :, max(0, place.reach - self.block) :]
            here = slice(place.row, place.row + place.channels)
            recent[:, here, self.block - near.shape[2] :] = near
            size = place.blocks * self.block
            for half in (size, 2 * size) if size else ():
                end = place.start + half
                rooms[str(place.channels)][:, :, end - place.reach : end] = past
        others = [
            np.ravel(leaf) for i, leaf in enumerate(leaves) if i not in self.places
        ]
        rest = np.concatenate([np.zeros(0, np.float32), *others])
        return Carried(
            jnp.asarray(recent),
            {name: jnp.asarray(room) for name, room in rooms.items()},
            jnp.asarray(rest),
            jnp.zeros((), jnp.uint32),
        )

    def _empty_rooms(self) -> dict[str, np.ndarray]:
        sizes: dict[int, int] = {}
        for place in self.places.values():
            if place.blocks:
                end = place.start + 2 * place.blocks * self.block
                sizes[place.channels] = max(end, sizes.get(place.channels, 0))
        return {
            str(channels): np.zeros((self.batch, channels, size), np.float32)
            for channels, size in sizes.items()
        }


@functools.lru_cache(maxsize=256)
def fits(layout: Layout, model: Model, tree: Any, shapes: tuple[Any, ...]) -> bool:
    """Whether a block can be played by one kernel.

    Args:
        tree, shapes: Of parameters, block, state and knobs.
    """
    given = jax.tree.unflatten(tree, shapes)
    return fits_one_kernel(functools.partial(layout.turn, model), *given)


def places(shapes: Sequence[tuple[int, ...]], block: int) -> dict[int, Place]:
    """Where each past `[b, channels, reach]` is kept, by its number in the state.

    Rings have a power of two of blocks, so that the turn may wrap around.
    """
    found: dict[int, Place] = {}
    row, ends = 0, {}
    for index, shape in enumerate(shapes):
        if len(shape) != 3 or not shape[2]:
            continue
        _, channels, reach = shape
        blocks = 0 if reach <= block else 1 << (-(-reach // block) - 1).bit_length()
        start = ends.get(channels, 0)
        found[index] = Place(row, channels, reach, start, blocks)
        ends[channels] = start + 2 * blocks * block
        row += channels
    return found


def joined(parts: list[Array], axis: int, like: Array) -> Array:
    """The parts in a row; what was there before where there are none."""
    return jnp.concatenate(parts, axis=axis) if parts else like
