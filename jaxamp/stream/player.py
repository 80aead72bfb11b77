"""Plays blocks of one length as they arrive, as fast as a call from Python can be.

The program is compiled ahead, with the parameters inside it. The state is a handful of
arrays, because a call costs about 2 µs for each; they are used up by the call and
written in place.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, Model, Params, State, silence
from jaxamp.core.compiler import WIDE
from jaxamp.layers import Heard, Ring


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


class Player:
    """A model ready to play: `y, state = player(block, state)`.

    Args:
        block: Samples in each block.
        batch: Signals played side by side.
    """

    def __init__(
        self, model: Model, params: Params, *, block: int = 64, batch: int = 1
    ):
        self.model, self.block, self.batch = model, block, batch
        quiet = silence(model, params, batch)
        leaves, self._tree = jax.tree.flatten(quiet)
        self._shapes = [leaf.shape for leaf in leaves]
        self._places = places(self._shapes, block) if model.rings else {}
        self._silence = jax.device_get(self._packed(leaves))
        self._one = np.int32(1)
        self._call = self._compiled(params)

    def __call__(self, x: Any, state: Carried) -> tuple[Array, Carried]:
        """The next block; the state given is used up, go on with the one returned.

        Shapes:
            x `[t]`, or `[batch, 1, t]` where the batch is not 1 -> y of the same shape.
        """
        return self._call(x, state, self._one)

    def silence(self) -> Carried:
        """The state of an amp that has been on for a while with nothing plugged in."""
        return jax.tree.map(jnp.array, self._silence)

    def _compiled(self, params: Params) -> Any:
        shape = (self.batch, 1, self.block) if self.batch > 1 else (self.block,)
        block = jax.ShapeDtypeStruct(shape, jnp.float32)

        def play(x: Array, state: Carried, turns: Array) -> tuple[Array, Carried]:
            # A loop of one turn: XLA runs a loop's body on one thread, and what is
            # not in a loop it hands out to several, which takes longer than the work.
            def body(_: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
                return self._play(params, x, carry[1])

            return jax.lax.fori_loop(0, turns, body, (jnp.zeros_like(x), state))

        program = jax.jit(play, donate_argnums=1, compiler_options=WIDE)
        return program.lower(block, self._silence, self._one).compile()

    def _play(self, params: Params, x: Array, state: Carried) -> tuple[Array, Carried]:
        rooms = self._written(state)
        pasts = self._unpacked(state, rooms)
        heard = x.reshape(self.batch, 1, self.block)
        y, after = self.model.apply(params, heard, None, pasts)
        leaves = jax.tree.leaves(after, is_leaf=lambda leaf: isinstance(leaf, Heard))
        blocks = [leaf.block for leaf in leaves if isinstance(leaf, Heard)]
        rest = [jnp.ravel(leaf) for leaf in leaves if not isinstance(leaf, Heard)]
        carried = Carried(
            recent=joined(blocks, 1, state.recent),
            rooms=rooms,
            rest=joined(rest, 0, state.rest),
            turn=state.turn + 1,
        )
        return y.reshape(x.shape), carried

    def _written(self, state: Carried) -> dict[str, Array]:
        """The rooms with the recent blocks in their rings.

        Only now and not when they were heard: written before anything is read, XLA
        needs no copy of a room.
        """
        rooms = dict(state.rooms)
        for place in self._places.values():
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

    def _unpacked(self, state: Carried, rooms: dict[str, Array]) -> State:
        """The model's own state, with rings for pasts."""
        leaves, used = [], 0
        for index, shape in enumerate(self._shapes):
            place = self._places.get(index)
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
        return jax.tree.unflatten(self._tree, leaves)

    def _packed(self, leaves: list[Array]) -> Carried:
        """A model's own state, as the player carries it before its first turn."""
        rows = sum(place.channels for place in self._places.values())
        recent = np.zeros((self.batch, rows, self.block), np.float32)
        rooms = self._empty_rooms()
        for index, place in self._places.items():
            past = np.asarray(leaves[index])
            near = past[:, :, max(0, place.reach - self.block) :]
            here = slice(place.row, place.row + place.channels)
            recent[:, here, self.block - near.shape[2] :] = near
            size = place.blocks * self.block
            for half in (size, 2 * size) if size else ():
                end = place.start + half
                rooms[str(place.channels)][:, :, end - place.reach : end] = past
        others = [
            np.ravel(leaf) for i, leaf in enumerate(leaves) if i not in self._places
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
        for place in self._places.values():
            if place.blocks:
                end = place.start + 2 * place.blocks * self.block
                sizes[place.channels] = max(end, sizes.get(place.channels, 0))
        return {
            str(channels): np.zeros((self.batch, channels, size), np.float32)
            for channels, size in sizes.items()
        }


def places(shapes: list[tuple[int, ...]], block: int) -> dict[int, Place]:
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
