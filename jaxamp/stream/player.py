"""Plays blocks of one length as they arrive, as fast as a call from Python can be."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, ConfigError, Model, Params, silence
from jaxamp.core.compiler import WIDE
from jaxamp.stream.carried import Carried, Layout
from jaxamp.stream.process import side_by_side


class Player:
    """A model ready to play: `y, state = player(block, state)`.

    The program is compiled ahead, with the parameters inside it.

    Args:
        block: Samples in each block.
        batch: Signals played side by side.
        controls: Where the knobs stand, `[k]` or `[batch, k]`.

    Raises:
        ConfigError: The block or the batch is none, or there are other knobs.
    """

    def __init__(
        self,
        model: Model,
        params: Params,
        *,
        block: int = 64,
        batch: int = 1,
        controls: Any = None,
    ):
        if block < 1 or batch < 1:
            raise ConfigError(
                f"A player was asked for blocks of {block} samples and {batch} "
                "signals side by side. Both must be 1 or more."
            )
        self.model, self.block, self.batch = model, block, batch
        self._shape = (batch, 1, block) if batch > 1 else (block,)
        self._controls = side_by_side(model, controls, batch)
        quiet = silence(model, params, batch, self._controls)
        self._layout = Layout.of(model, quiet, block, batch)
        self._silence = jax.device_get(self._layout.packed(quiet))
        self._one = np.int32(1)
        self._call = self._compiled(params)

    def __call__(self, x: Any, state: Carried) -> tuple[Array, Carried]:
        """The next block; the state given is used up, go on with the one returned.

        Shapes:
            x `[t]`, or `[batch, 1, t]` where the batch is not 1 -> y of the same shape.

        Raises:
            ConfigError: The block has another shape, or holds no floating numbers.
        """
        try:
            return self._call(x, state, self._one)
        except TypeError as error:
            given = np.asarray(x)
            if given.shape == self._shape and given.dtype in (np.float32, np.float64):
                raise
            raise ConfigError(
                f"The player was given a block of shape {given.shape} and type "
                f"{given.dtype}. It takes float32 of shape {self._shape}: ask for a "
                "player with another block or batch, or cut the audio to these."
            ) from error

    def silence(self) -> Carried:
        """The state of an amp that has been on for a while with nothing plugged in."""
        return jax.tree.map(jnp.array, self._silence)

    def _compiled(self, params: Params) -> Any:
        block = jax.ShapeDtypeStruct(self._shape, jnp.float32)

        def play(x: Array, state: Carried, turns: Array) -> tuple[Array, Carried]:
            # A loop of one turn: XLA runs a loop's body on one thread, and what is
            # not in a loop it hands out to several, which takes longer than the work.
            def body(_: Array, carry: tuple[Array, Carried]) -> tuple[Array, Carried]:
                heard = x.reshape(self.batch, 1, self.block)
                y, state = self._layout.play(
                    self.model, params, heard, carry[1], self._controls
                )
                return y.reshape(x.shape), state

            return jax.lax.fori_loop(0, turns, body, (jnp.zeros_like(x), state))

        program = jax.jit(play, donate_argnums=1, compiler_options=WIDE)
        return program.lower(block, self._silence, self._one).compile()
