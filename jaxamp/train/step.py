"""One step of learning: pure functions of the state, the batch and the task.

The state holds everything a run must remember; the task everything it must not
change. Hundreds of steps run inside one compiled call, which stops by itself at the
first loss that is not finite and keeps the parameters from before it.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxamp.core import Array, Batch, Dataset, Loss, Model, Params, State
from jaxamp.train.gradient import mean_gradient

STEPS_PER_CALL = 1000
"""The most steps one compiled call makes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What is learned and how; fixed for the whole run."""

    model: Model
    loss: Loss
    optimizer: optax.GradientTransformation
    average_decay: float = 0.0
    """Decay of the moving average of the parameters a step; 0 keeps none."""
    compute_dtype: Any = jnp.float32
    """Numbers the network computes with; parameters and loss stay float32."""
    microbatch: int | None = None
    """Windows that go through the network together; None takes the whole batch."""
    chunk: int | None = None
    """Samples after which the gradient's way back is cut; None never cuts."""
    update_every_chunk: bool = False
    """Make a step of each chunk, the audio state carried from step to step."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """Everything a run must remember to go on exactly."""

    step: Array
    seed: Array
    params: Params
    average: Params
    """Moving average of the parameters, or None."""
    optimizer: Any
    audio: State
    """State of the model between the chunks of one window, or None."""


def start(task: Task, seed: int, batch: int) -> TrainState:
    """The state before the first step."""
    number = jnp.asarray(seed, jnp.uint32)
    params = task.model.init(jax.random.fold_in(jax.random.key(number), 0))
    audio = task.model.init_state(params, batch) if task.update_every_chunk else None
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        seed=number,
        params=params,
        average=jax.tree.map(jnp.copy, params) if task.average_decay else None,
        optimizer=task.optimizer.init(params),
        audio=audio,
    )


def kept_params(state: TrainState) -> Params:
    """What validation hears and export writes: the average where one is kept."""
    return state.params if state.average is None else state.average


@partial(jax.jit, static_argnames="task", donate_argnames="state")
def train_steps(
    task: Task, state: TrainState, dataset: Dataset, steps: Array
) -> tuple[TrainState, Array, Array]:
    """Up to `steps` steps in one compiled call.

    Returns:
        The new state, the losses `[STEPS_PER_CALL]` of the steps made, and whether
        all was finite; if not, the state is the one before the failing step.
    """

    def unfinished(carry):
        index, _, _, healthy = carry
        return (index < steps) & healthy

    def advance(carry):
        index, state, losses, _ = carry
        new_state, loss, healthy = train_step(task, state, dataset)
        state = jax.tree.map(partial(jnp.where, healthy), new_state, state)
        return index + 1, state, losses.at[index].set(loss), healthy

    losses = jnp.full(STEPS_PER_CALL, jnp.nan, jnp.float32)
    carry = (jnp.zeros((), jnp.int32), state, losses, jnp.asarray(True))
    _, state, losses, healthy = jax.lax.while_loop(unfinished, advance, carry)
    return state, losses, healthy


def train_step(
    task: Task, state: TrainState, dataset: Dataset
) -> tuple[TrainState, Array, Array]:
    """One step: draw windows, compare, follow the gradient.

    Returns:
        The new state, the loss, and whether loss and new parameters are finite.
    """
    batch, audio = heard(task, state, dataset)
    loss, audio, gradient = mean_gradient(task, state.params, batch, audio)
    updates, optimizer = task.optimizer.update(gradient, state.optimizer, state.params)
    params = optax.apply_updates(state.params, updates)
    average = state.average
    if task.average_decay:
        average = optax.incremental_update(params, average, 1 - task.average_decay)
    healthy = jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm(params))
    new_state = TrainState(
        state.step + 1, state.seed, params, average, optimizer, audio
    )
    return new_state, loss, healthy


def heard(task: Task, state: TrainState, dataset: Dataset) -> tuple[Batch, State]:
    """The batch of this step, and the audio state to start it from (or None).

    With an update every chunk, a window lasts several steps: the first hears the
    context from an unknown past, the others go on where the step before stopped.
    """
    key = jax.random.fold_in(jax.random.key(state.seed), 1)
    if not task.update_every_chunk:
        return dataset.sample(key, state.step), None
    assert task.chunk is not None
    outputs = jax.eval_shape(dataset.sample, key, state.step).target.shape[2]
    window, position = jnp.divmod(state.step, outputs // task.chunk)
    batch = dataset.sample(key, window)
    context = batch.input.shape[2] - outputs

    def fresh() -> State:
        unknown = task.model.init_state(state.params, batch.input.shape[0])
        before = batch.input[:, :, :context]
        return task.model.apply(state.params, before, batch.controls, unknown)[1]

    audio = jax.lax.cond(position == 0, fresh, lambda: state.audio)
    begin = position * task.chunk
    cut = partial(jax.lax.dynamic_slice_in_dim, slice_size=task.chunk, axis=2)
    piece = Batch(
        cut(batch.input, context + begin),
        cut(batch.target, begin),
        batch.controls,
    )
    return piece, audio
