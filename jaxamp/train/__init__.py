"""Training: explicit state, compiled steps, checkpoints, the loop."""

from jaxamp.train.ahead import compiled_ahead
from jaxamp.train.checkpoint import (
    Checkpoints,
    kept_from,
    load_best,
    pack,
    unpack,
)
from jaxamp.train.devices import cores, dealt, described, everywhere, use_devices
from jaxamp.train.flat import layers, named, vector
from jaxamp.train.log import RunLog, Screen, Unwritten, duration, read_lines
from jaxamp.train.loop import Advance, fit
from jaxamp.train.members import Member, Outcome, Running
from jaxamp.train.optimizers import Optimizer, adam_l2, muon
from jaxamp.train.population import Population
from jaxamp.train.progress import Plan, Progress
from jaxamp.train.resume import take_up
from jaxamp.train.schedules import LearningRates, cosine
from jaxamp.train.soap import soap
from jaxamp.train.step import (
    Task,
    TrainState,
    draw,
    kept_params,
    like_start,
    start,
    train_step,
    train_steps,
)
from jaxamp.train.validate import Passage, passage, validation_esr

__all__ = [
    "Advance",
    "Checkpoints",
    "LearningRates",
    "Member",
    "Optimizer",
    "Outcome",
    "Passage",
    "Plan",
    "Population",
    "Progress",
    "RunLog",
    "Running",
    "Screen",
    "Task",
    "TrainState",
    "Unwritten",
    "adam_l2",
    "compiled_ahead",
    "cores",
    "cosine",
    "dealt",
    "described",
    "draw",
    "duration",
    "everywhere",
    "fit",
    "kept_from",
    "kept_params",
    "layers",
    "like_start",
    "load_best",
    "muon",
    "named",
    "pack",
    "passage",
    "read_lines",
    "soap",
    "start",
    "take_up",
    "train_step",
    "train_steps",
    "unpack",
    "use_devices",
    "validation_esr",
    "vector",
]
