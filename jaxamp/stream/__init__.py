"""Streaming: block by block with explicit state, and whole files on top of it."""

from jaxamp.stream.bench import realtime_factor
from jaxamp.stream.carried import Carried
from jaxamp.stream.changing import ChangingPlayer
from jaxamp.stream.player import Player
from jaxamp.stream.process import BLOCK, play, process, step

__all__ = [
    "BLOCK",
    "Carried",
    "ChangingPlayer",
    "Player",
    "play",
    "process",
    "realtime_factor",
    "step",
]
