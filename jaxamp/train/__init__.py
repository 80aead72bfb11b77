"""Training: explicit state, compiled steps, checkpoints, the loop."""

from jaxamp.train.checkpoint import (
    Checkpoints,
    kept_from,
    load_best,
    pack,
    unpack,
)
from jaxamp.train.log import RunLog, duration, read_lines
from jaxamp.train.loop import Outcome, Plan, Progress, fit
from jaxamp.train.optimizers import adam_l2
from jaxamp.train.schedules import cosine
from jaxamp.train.step import (
    Task,
    TrainState,
    kept_params,
    start,
    train_step,
    train_steps,
)
from jaxamp.train.validate import Passage, passage, validation_esr

__all__ = [
    "Checkpoints",
    "Outcome",
    "Passage",
    "Plan",
    "Progress",
    "RunLog",
    "Task",
    "TrainState",
    "adam_l2",
    "cosine",
    "duration",
    "fit",
    "kept_from",
    "kept_params",
    "load_best",
    "pack",
    "passage",
    "read_lines",
    "start",
    "train_step",
    "train_steps",
    "unpack",
    "validation_esr",
]
