"""Plays blocks whose length keeps changing, by one program for all lengths.

A host may ask for any number of samples each time, and a program for every number
would be thousands, each compiled while the music waits. So a block is cut into as many
64s as fit, then 32, 16 … samples, and all of that is one compiled call.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, ConfigError, Model, Params, silence
from jaxamp.core.compiler import WIDE
from jaxamp.stream.carried import Carried, Layout
from jaxamp.stream.moving import at_start, in_block, refuse_moved

PARTS = (64, 32, 16, 8, 4, 2, 1)
"""Samples of the parts that blocks are cut into; each but the first is taken once."""


class ChangingPlayer:
    """A model ready to play blocks of any length: `y, state = player(block, state)`.

    The program is compiled ahead, and nothing is compiled while playing. Where all
    blocks are of one length, a `Player` is faster.

    Args:
        longest: Samples up to which a block is one call; longer ones are several.
        batch: Signals played side by side.
        controls: Where the knobs stand, `[k]` or `[batch, k]`.
        moves: Whether calls may say where they stand, as for a `Player`.

    Raises:
        ConfigError: The longest block or the batch is none, there are other knobs, or
            none that could move.
    """

    def __init__(
        self,
        model: Model,
        params: Params,
        *,
        longest: int = 4096,
        batch: int = 1,
        controls: Any = None,
        moves: bool = False,
    ):
        if longest < 1 or batch < 1:
            raise ConfigError(
                f"A player was asked for blocks of up to {longest} samples and {batch} "
                "signals side by side. Both must be 1 or more."
            )
        self.model, self.longest, self.batch = model, longest, batch
        self._before = (batch, 1) if batch > 1 else ()
        self.moves = moves
        self._controls = at_start(model, controls, batch, moves)
        quiet = silence(model, params, batch, self._controls)
        whole = Layout.of(model, quiet, PARTS[0], batch)
        # Rings hold blocks of one length; pasts in one row serve every length.
        self._layout = dataclasses.replace(whole, rings=False)
        self._silence = jax.device_get(self._layout.packed(quiet))
        if moves:
            knobs = (batch, len(model.controls))
            self._still = self._compiled(params, knobs)
            self._moving = self._compiled(params, (*knobs, longest))
        else:
            self._call = self._compiled(params)

    def __call__(
        self, x: Any, state: Carried, controls: Any = None
    ) -> tuple[np.ndarray, Carried]:
        """The next block; the state given is used up, go on with the one returned.

        Shapes:
            x `[t]`, or `[batch, 1, t]` where the batch is not 1 -> y of the same shape,
            NumPy's: cutting JAX's to length would compile something for each length.
            controls as a `Player` takes them.

        Raises:
            ConfigError: The block has another shape, or holds no floating numbers; or
                the controls do, or the player was made for knobs that do not move.
        """
        x = np.asarray(x)
        floating = np.issubdtype(x.dtype, np.floating)
        if (
            x.ndim != len(self._before) + 1
            or x.shape[:-1] != self._before
            or not (floating)
        ):
            raise ConfigError(
                f"The player was given a block of shape {x.shape} and type {x.dtype}. "
                f"It takes float32 of shape {(*self._before, 't')} with any t: ask for "
                "a player with another batch, or cut the audio to this."
            )
        knobs = self._knobs(controls, x.shape[-1])
        y = np.empty(x.shape, np.float32)
        for start in range(0, x.shape[-1], self.longest):
            part = x[..., start : start + self.longest]
            size = part.shape[-1]
            room = np.zeros((*self._before, self.longest), np.float32)
            room[..., :size] = part
            played, state = self._play(room, state, size, knobs, start)
            y[..., start : start + size] = np.asarray(played)[..., :size]
        return y, state

    def _knobs(self, controls: Any, samples: int) -> np.ndarray | None:
        if not self.moves:
            refuse_moved(controls)
            return None
        given = self._controls if controls is None else controls
        return in_block(self.model, given, self.batch, samples)

    def _play(
        self,
        room: np.ndarray,
        state: Carried,
        size: int,
        knobs: np.ndarray | None,
        start: int,
    ) -> tuple[Array, Carried]:
        """One call, with the knobs `[b, k, t]` of its samples, from `start` on."""
        if knobs is None:
            return self._call(room, state, np.int32(size))
        if knobs.ndim == 2:
            return self._still(room, state, np.int32(size), knobs)
        moving = np.zeros((*knobs.shape[:2], self.longest), np.float32)
        moving[..., :size] = knobs[..., start : start + size]
        return self._moving(room, state, np.int32(size), moving)

    def silence(self) -> Carried:
        """The state of an amp that has been on for a while with nothing plugged in."""
        return jax.tree.map(jnp.array, self._silence)

    def _compiled(self, params: Params, *knobs: tuple[int, ...]) -> Any:
        shape = (*self._before, self.longest)

        def play(
            x: Array, state: Carried, left: Array, *given: Array
        ) -> tuple[Array, Carried]:
            heard = x.reshape(self.batch, 1, self.longest)
            controls = given[0] if given else self._controls
            carry, at = (jnp.zeros_like(heard), state), jnp.int32(0)
            for size in PARTS:
                if size > self.longest:
                    continue
                turns = left // size
                part = self._part(params, heard, controls, size, at)
                # A loop even where it is one turn: see `Player`.
                carry = jax.lax.fori_loop(0, turns, part, carry)
                at, left = at + turns * size, left - turns * size
            return carry[0].reshape(shape), carry[1]

        block = jax.ShapeDtypeStruct(shape, jnp.float32)
        given = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in knobs]
        program = jax.jit(play, donate_argnums=1, compiler_options=WIDE)
        return program.lower(block, self._silence, np.int32(1), *given).compile()

    def _part(
        self,
        params: Params,
        heard: Array,
        controls: Array | None,
        size: int,
        first: Array,
    ) -> Any:
        """What plays `size` samples, from `first` on, one turn after the other."""
        layout = dataclasses.replace(self._layout, block=size)

        def body(turn: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
            played, state = carry
            at = first + turn * size
            x = jax.lax.dynamic_slice_in_dim(heard, at, size, axis=2)
            knobs = controls
            if controls is not None and controls.ndim == 3:
                knobs = jax.lax.dynamic_slice_in_dim(controls, at, size, axis=2)
            y, state = layout.play(self.model, params, x, state, knobs)
            return jax.lax.dynamic_update_slice_in_dim(played, y, at, axis=2), state

        return body
