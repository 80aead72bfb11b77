"""Plays blocks of one length as they arrive, as fast as a call from Python can be."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxamp.core import Array, ConfigError, Model, Params, silence
from jaxamp.layers import one_kernel
from jaxamp.stream.carried import Carried, Layout
from jaxamp.stream.moving import at_start, in_block, refuse_moved


class Player:
    """A model ready to play: `y, state = player(block, state)`.

    The program is compiled ahead. A call takes 14 to 20 µs less where JAX computes in
    the thread that asks: `jax.config.update("jax_cpu_enable_async_dispatch", False)`,
    before anything else.

    With `moves`, knobs can be turned: `y, state = player(block, state, controls)`, by
    two programs, for blocks in which they stand still and in which they move; both play
    on from the same state.

    Args:
        block: Samples in each block.
        batch: Signals played side by side.
        controls: Where the knobs stand, `[k]` or `[batch, k]`.
        moves: Whether calls may say where they stand.

    Raises:
        ConfigError: The block or the batch is none, there are other knobs, or none
            that could move.
    """

    def __init__(
        self,
        model: Model,
        params: Params,
        *,
        block: int = 64,
        batch: int = 1,
        controls: Any = None,
        moves: bool = False,
    ):
        if block < 1 or batch < 1:
            raise ConfigError(
                f"A player was asked for blocks of {block} samples and {batch} "
                "signals side by side. Both must be 1 or more."
            )
        self.model, self.block, self.batch = model, block, batch
        self._shape = (batch, 1, block) if batch > 1 else (block,)
        self.moves = moves
        self._controls = at_start(model, controls, batch, moves)
        quiet = silence(model, params, batch, self._controls)
        layout = Layout.of(model, quiet, block, batch)
        self._silence = jax.device_get(layout.packed(quiet))
        self._layout = layout.decided(model, params, self._silence, self._controls)
        # A call costs about a microsecond for each array and for each constant.
        self._params, self._unraveled = ravel_pytree(params)
        self._one = np.int32(1)
        if moves:
            knobs = (batch, len(model.controls))
            self._still = self._compiled(knobs)
            self._moving = self._compiled((*knobs, block))
        else:
            self._call = self._compiled()

    def __call__(
        self, x: Any, state: Carried, controls: Any = None
    ) -> tuple[Array, Carried]:
        """The next block; the state given is used up, go on with the one returned.

        Shapes:
            x `[t]`, or `[batch, 1, t]` where the batch is not 1 -> y of the same shape.
            controls `[k]` or `[batch, k]`, where they move in the block `[k, t]` or
            `[batch, k, t]`; without them, they stand where they stood at first.

        Raises:
            ConfigError: The block has another shape, or holds no floating numbers; or
                the controls do, or the player was made for knobs that do not move.
        """
        try:
            if self.moves:
                return self._moved(x, state, controls)
            refuse_moved(controls)
            return self._call(x, state, self._params, self._one)
        except TypeError as error:
            given = np.asarray(x)
            if given.shape == self._shape and given.dtype in (np.float32, np.float64):
                raise
            raise ConfigError(
                f"The player was given a block of shape {given.shape} and type "
                f"{given.dtype}. It takes float32 of shape {self._shape}: ask for a "
                "player with another block or batch, or cut the audio to these."
            ) from error

    def _moved(self, x: Any, state: Carried, controls: Any) -> tuple[Array, Carried]:
        if controls is None:
            controls = self._controls
        knobs = in_block(self.model, controls, self.batch, self.block)
        program = self._still if knobs.ndim == 2 else self._moving
        return program(x, state, self._params, self._one, knobs)

    def silence(self) -> Carried:
        """The state of an amp that has been on for a while with nothing plugged in.

        Its knobs stand where they stood at first.
        """
        return jax.tree.map(jnp.array, self._silence)

    def _compiled(self, *knobs: tuple[int, ...]) -> Any:
        """The program, with the knobs inside it or, of a shape, as its argument."""

        def play(
            x: Array, state: Carried, params: Array, turns: Array, *given: Array
        ) -> tuple[Array, Carried]:
            if self._layout.whole:
                return one_kernel(self._turn, x, state, params, *given)

            # A loop of one turn: XLA runs a loop's body on one thread, and what is
            # not in a loop it hands out to several, which takes longer than the work.
            def body(_: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
                return self._turn(x, carry[1], params, *given)

            return jax.lax.fori_loop(0, turns, body, (jnp.zeros_like(x), state))

        block = jax.ShapeDtypeStruct(self._shape, jnp.float32)
        given = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in knobs]
        options = self._layout.options
        program = jax.jit(play, donate_argnums=1, compiler_options=options)
        return program.lower(
            block, self._silence, self._params, self._one, *given
        ).compile()

    def _turn(
        self, x: Array, state: Carried, params: Array, *given: Array
    ) -> tuple[Array, Carried]:
        """One block."""
        heard = x.reshape(self.batch, 1, self.block)
        controls = given[0] if given else self._controls
        whole = self._unraveled(params)
        y, state = self._layout.turn(self.model, whole, heard, state, controls)
        return y.reshape(x.shape), state
