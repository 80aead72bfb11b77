"""jaxamp learns guitar amps and pedals from recordings, and plays them anywhere.

model, params = jaxamp.load("amp.nam")
y = jaxamp.process(model, params, x)
state = jaxamp.silence(model, params)
y, state = jaxamp.step(model, params, block, state)  # blocks of any length
player = jaxamp.Player(model, params, block=64)  # of one length, as fast as it gets
player = jaxamp.ChangingPlayer(model, params)  # of any length, without compiling again
y = jaxamp.process(model, params, x, controls=knobs)  # [k], or [k, t] where they move
player = jaxamp.Player(model, params, moves=True)  # player(block, state, knobs)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxamp.core import silence as silence
    from jaxamp.loading import load as load
    from jaxamp.stream import ChangingPlayer as ChangingPlayer
    from jaxamp.stream import Player as Player
    from jaxamp.stream import process as process
    from jaxamp.stream import step as step

HOMES = {
    "ChangingPlayer": "jaxamp.stream",
    "Player": "jaxamp.stream",
    "load": "jaxamp.loading",
    "process": "jaxamp.stream",
    "silence": "jaxamp.core",
    "step": "jaxamp.stream",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that the package is light."""
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'jaxamp' has no attribute {name!r}")


__all__ = ["ChangingPlayer", "Player", "load", "process", "silence", "step"]
