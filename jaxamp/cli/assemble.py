"""From the resolved configuration to what training needs, all checked beforehand."""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from jaxamp.cli.config import WRONG_VALUES, build, find, refuse_unknown
from jaxamp.core import ConfigError, Model, Recording, knob_places
from jaxamp.data import Windows, windows
from jaxamp.losses import WeightedSum
from jaxamp.models import is_recurrent
from jaxamp.train import (
    Optimizer,
    Passage,
    Plan,
    Task,
    dealt,
    everywhere,
    passage,
)
from jaxamp.warm_start import Beginning

PRECISIONS = {
    "float32": (jnp.float32, "float32"),
    "tensorfloat32": (jnp.float32, "tensorfloat32"),
    "bfloat16": (jnp.bfloat16, "float32"),
}
"""word -> what the network computes with, and what its products may round to"""

LOUDEST_DB = 40
"""The most that windows may be made louder or quieter."""

RECURRENT_BURN_IN = 4096
RECURRENT_CHUNK = 2048

TRAIN_KEYS = (
    "steps", "minutes", "threshold_esr", "patience", "validate_every", "batch",
    "outputs", "sampling", "level_db", "burn_in", "chunk", "update_every_chunk",
    "microbatch", "clip_norm", "average_decay", "precision", "init", "restarts",
    "devices", "processes",
)  # fmt: skip

NOT_OPTIONS = ("_target_", "learning_rate")
"""Keys of the optimizer group that are no options of the optimiser."""

COUNTS = {
    "steps": (),
    "validate_every": ("epoch",),
    "batch": (),
    "outputs": (),
    "chunk": ("auto", None),
    "microbatch": ("auto",),
    "restarts": (None,),
    "devices": ("auto",),
    "processes": ("auto",),
}
"""key -> what it may be besides a whole number from 1 on"""


@dataclasses.dataclass(frozen=True)
class Job:
    """One model, ready to be trained, alone or beside others."""

    task: Task
    weights: tuple[float, ...]
    """Of the terms of the loss; not part of the task, so that others share it."""
    dataset: Windows
    passages: tuple[Passage, ...]
    plan: Plan
    learning_rate: optax.Schedule
    seed: int
    samples_per_step: int
    target_gain: float
    """What the targets were multiplied by."""
    init: Beginning | None = None
    """What it takes from another model before its first step."""


def assemble(config: Mapping[str, Any], model: Model, recording: Recording) -> Job:
    """Everything one training needs."""
    return assembled(config, [model], recording)[0]


def assembled(
    config: Mapping[str, Any],
    models: Sequence[Model],
    recording: Recording,
    *,
    spread: bool = True,
) -> tuple[Job, ...]:
    """Everything that training several models on the same windows needs.

    The windows have the longest context of all; each model hears of it what it needs.

    Args:
        spread: Whether a batch may be dealt out to several devices.
    """
    train = checked(config["train"])
    knobs = [knobs_heard(config["model"], model, recording) for model in models]
    if any(one != knobs[0] for one in knobs):
        raise ConfigError(
            "The sizes of the model differ in their knobs: "
            f"{'; '.join(', '.join(model.controls) or 'none' for model in models)}. "
            "Give all the same."
        )
    contexts = [context(train, model) for model in models]
    devices = train["devices"]
    wanted = None if devices == "auto" else devices
    mesh = dealt(train["batch"], wanted) if spread else None
    cut = windows(
        recording.train,
        context=max(contexts),
        outputs=train["outputs"],
        batch=train["batch"],
        sampling=train["sampling"],
        level_db=train["level_db"],
        knobs=knobs[0],
    )
    dataset = everywhere(mesh, cut)
    epoch = dataset.steps_per_epoch * train["outputs"] // judged(train, models[0])
    every = train["validate_every"]
    plan = Plan(
        steps=train["steps"],
        validate_every=epoch if every == "epoch" else every,
        minutes=train["minutes"],
        threshold_esr=train["threshold_esr"],
        patience=train["patience"],
        restarts=train["restarts"] or 0,
    )
    passages = {
        warmup: tuple(
            passage(one, warmup, knobs=knobs[0]) for one in recording.validation
        )
        for warmup in {model.warmup for model in models}
    }
    schedule = built_schedule(with_epoch(config["schedule"], epoch))
    number = seed(config["seed"])
    weights = loss(json.dumps(config["loss"])).weights
    return tuple(
        Job(
            task=task(config, train, model, own, mesh),
            weights=weights,
            dataset=dataset,
            passages=passages[model.warmup],
            plan=plan,
            learning_rate=schedule,
            seed=number,
            samples_per_step=train["batch"] * judged(train, model),
            target_gain=recording.target_gain,
        )
        for model, own in zip(models, contexts, strict=True)
    )


def task(
    config: Mapping[str, Any],
    train: Mapping[str, Any],
    model: Model,
    own: int,
    mesh: Mesh | None,
) -> Task:
    """What is learned and how, with `own` samples of context."""
    compute_dtype, matmul_precision = PRECISIONS[train["precision"]]
    return Task(
        model=model,
        loss=loss(unweighted(config["loss"])),
        optimizer=optimizer(config["optimizer"], train["clip_norm"]),
        average_decay=train["average_decay"],
        compute_dtype=compute_dtype,
        matmul_precision=matmul_precision,
        microbatch=microbatch(train, model, mesh),
        context=own,
        chunk=chunk(train, model),
        update_every_chunk=train["update_every_chunk"],
        mesh=mesh,
    )


@functools.cache
def loss(node: str) -> WeightedSum:
    """The loss of a JSON text: the same object each time, so nothing compiles twice."""
    built = build(json.loads(node), "loss")
    if not isinstance(built, WeightedSum):
        raise ConfigError(
            "loss must be a weighted sum of terms. Keep its "
            "_target_: jaxamp.losses.weighted_sum, and set loss.terms."
        )
    return built


def unweighted(node: Mapping[str, Any]) -> str:
    """The JSON text of a loss with all weights 1: what its program depends on."""
    terms = {name: {**term, "weight": 1.0} for name, term in node["terms"].items()}
    return json.dumps({**node, "terms": terms})


def optimizer(node: Mapping[str, Any], clip_norm: float | None) -> Optimizer:
    """The optimiser, built once to see that it can be; its rate is given later."""
    refuse_unlike_optimizer(build(node, "optimizer"), node)
    options = build(
        {k: v for k, v in node.items() if k not in NOT_OPTIONS}, "optimizer"
    )
    return Optimizer(
        find(node.get("_target_"), "optimizer"), tuple(options.items()), clip_norm
    )


def refuse_unlike_optimizer(built: Any, node: Mapping[str, Any]) -> None:
    """Raises ConfigError for what cannot make a step; only shapes are computed."""
    if not isinstance(built, optax.GradientTransformation):
        raise ConfigError(
            f"optimizer._target_={node.get('_target_')!r} makes no optimiser. Choose "
            "one of Optax's, for example optax.adam."
        )
    layer = {"kernel": jnp.zeros((2, 3)), "bias": jnp.zeros(3)}
    try:
        jax.eval_shape(lambda one: built.update(one, built.init(one), one), layer)
    except WRONG_VALUES as error:
        raise ConfigError(
            f"optimizer has a value that cannot be used: {error}. Compare it with the "
            "configuration file it replaces."
        ) from error


def knobs_heard(
    node: Mapping[str, Any], model: Model, recording: Recording
) -> list[int]:
    """Which of the recording's knobs the model hears, in its order.

    Args:
        node: The model's configuration.

    Raises:
        ConfigError: The model has knobs of which no recording says where they stood,
            or it has none where the recordings do, and nobody asked for that.
    """
    if model.controls and not recording.controls:
        raise ConfigError(
            f"The model has knobs, {', '.join(model.controls)}, and the recordings do "
            "not say where they stood, so it could not learn what they do. Train it "
            "without model.controls, or on recordings that say so (data=knobs)."
        )
    if recording.controls and not model.controls and "controls" not in node:
        raise ConfigError(
            f"The recordings are of an amp with knobs, {', '.join(recording.controls)},"
            f" and this {model.architecture} hears none, so it could only learn one "
            "sound between them all. Choose a model that hears knobs, for example "
            "model=lstm/1x16; or ask for one without by +model.controls=[] where the "
            "model knows the key, else by data.drop=[NAME, …] for every knob."
        )
    return knob_places(model, recording.controls)


def chunk(train: Mapping[str, Any], model: Model) -> int | None:
    """Samples after which the gradient's way back is cut."""
    length, outputs = train["chunk"], train["outputs"]
    if length == "auto":
        fits = is_recurrent(model) and outputs % RECURRENT_CHUNK == 0
        length = RECURRENT_CHUNK if fits else None
    if length is not None and outputs % length:
        raise ConfigError(
            f"train.outputs={outputs} is no multiple of train.chunk={length}; chunks "
            "must fill the window."
        )
    if train["update_every_chunk"] and not is_recurrent(model):
        raise ConfigError(
            "train.update_every_chunk carries the state of a recurrent model from step "
            f"to step; a {model.architecture} has a memory of known length instead. "
            "Use train.update_every_chunk=false."
        )
    if train["update_every_chunk"] and model.hyperparameters.get("learned_state"):
        raise ConfigError(
            "train.update_every_chunk starts each window from a burn-in, behind which "
            "a learned state is never learned. Use model.learned_state=false."
        )
    if train["update_every_chunk"] and length is None:
        raise ConfigError(
            "train.update_every_chunk needs train.chunk: say after how many samples a "
            "step is made, for example train.chunk=2048."
        )
    return length


def context(train: Mapping[str, Any], model: Model) -> int:
    """Samples heard before the first that is judged."""
    needed = model.receptive_field - 1
    burn_in = train["burn_in"]
    if burn_in == "auto" and model.hyperparameters.get("learned_state"):
        return 0  # behind a burn-in, the state before it would never be learned
    if burn_in == "auto":
        return max(needed, RECURRENT_BURN_IN) if is_recurrent(model) else needed
    if burn_in < needed:
        raise ConfigError(
            f"train.burn_in={burn_in} is shorter than the model's memory: its first "
            f"certain output comes after {needed} samples. Use train.burn_in=auto."
        )
    return burn_in


def microbatch(train: Mapping[str, Any], model: Model, mesh: Mesh | None) -> int | None:
    """Windows that a device computes together.

    One at a time stays in a CPU's cache; a recurrent model wants them all, because
    each of its many small steps then does more.
    """
    wanted, devices = train["microbatch"], mesh.size if mesh else 1
    if wanted == "auto":
        alone = jax.default_backend() == "cpu" and not is_recurrent(model)
        return 1 if alone else None
    if train["batch"] // devices % wanted:
        share = f" on each of {devices} devices" if devices > 1 else ""
        raise ConfigError(
            f"train.batch={train['batch']}{share} is no multiple of "
            f"train.microbatch={wanted}."
        )
    return wanted


def judged(train: Mapping[str, Any], model: Model) -> int:
    """Samples of each window that one step is judged on."""
    length = chunk(train, model)
    return length if length and train["update_every_chunk"] else train["outputs"]


def built_schedule(node: Mapping[str, Any]) -> optax.Schedule:
    """The learning rate as a function of the step, traced once."""
    schedule = build(node, "schedule")
    try:
        first = jax.eval_shape(lambda step: jnp.asarray(schedule(step)), 0)
        float(np.zeros(first.shape, first.dtype))
    except WRONG_VALUES as error:
        raise ConfigError(
            "The schedule gives no number for the first step. Check "
            f"optimizer.learning_rate and schedule: {dict(node)}."
        ) from error
    return schedule


def with_epoch(schedule: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """The schedule with `epoch` replaced by its number of steps."""
    return {k: epoch if v == "epoch" else v for k, v in schedule.items()}


def checked(train: Mapping[str, Any]) -> Mapping[str, Any]:
    """The train group, every value of a kind that makes sense."""
    refuse_unknown(train, TRAIN_KEYS, "train")
    for key in TRAIN_KEYS:
        if key not in train:
            raise ConfigError(f"train.{key} is missing. Leave it as it is by default.")
    for key, words in COUNTS.items():
        value = train[key]
        if value not in words and not (is_whole(value) and value >= 1):
            also = "".join(f" or {'null' if w is None else w}" for w in words)
            raise ConfigError(
                f"train.{key}={value!r} must be a whole number of 1 or more{also}."
            )
    for key in ("minutes", "threshold_esr", "patience", "clip_norm"):
        value = train[key]
        if value is not None and not (is_number(value) and value > 0):
            raise ConfigError(
                f"train.{key}={value!r} must be a number above 0, or null."
            )
    if not (is_number(train["average_decay"]) and 0 <= train["average_decay"] < 1):
        raise ConfigError(
            f"train.average_decay={train['average_decay']!r} must be at least 0 and "
            "below 1."
        )
    if not (is_number(train["level_db"]) and 0 <= train["level_db"] <= LOUDEST_DB):
        raise ConfigError(
            f"train.level_db={train['level_db']!r} must be a number of decibels from 0 "
            f"to {LOUDEST_DB}."
        )
    burn_in = train["burn_in"]
    if burn_in != "auto" and not (is_whole(burn_in) and burn_in >= 0):
        raise ConfigError(
            f"train.burn_in={burn_in!r} must be auto or a number of samples."
        )
    if not isinstance(train["init"], str | None):
        raise ConfigError(
            f"train.init={train['init']!r} must be a run directory or a model file, or "
            "null to draw all parameters."
        )
    if not isinstance(train["update_every_chunk"], bool):
        raise ConfigError(
            f"train.update_every_chunk={train['update_every_chunk']!r} must be true or "
            "false."
        )
    if train["precision"] not in [*PRECISIONS]:
        raise ConfigError(
            f"train.precision={train['precision']!r} is not known. Known are: "
            f"{', '.join(PRECISIONS)}."
        )
    return train


def seed(value: Any) -> int:
    """A seed that a 32-bit key can hold."""
    if not is_whole(value) or not 0 <= value < 2**32:
        raise ConfigError(
            f"seed={value!r} must be a whole number from 0 to 4294967295."
        )
    return value


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number and not merely true or false."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a number and not merely true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool)
