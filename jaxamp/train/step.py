"""Steps of learning: pure functions of the state, the batch and the task.

The state holds everything a run must remember; the task everything it must not
change. Hundreds of steps run inside one compiled call. Several members may learn side
by side from the same windows, each with a task and a state of its own: a member stops
by itself at its first loss that is not finite, keeps the parameters from before it,
and the others go on.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from jaxamp.core import Array, Batch, Dataset, Model, Params, State
from jaxamp.core.compiler import LEARNING
from jaxamp.train.devices import along, by_device, known_everywhere, placed_alike
from jaxamp.train.flat import layers, layerwise, replaced, shapes, vector
from jaxamp.train.gradient import mean_gradient
from jaxamp.train.optimizers import Optimizer

STEPS_PER_CALL = 1000
"""The most steps one compiled call makes."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is learned and how; fixed for the whole run.

    Tasks that are equal share one compiled program, so what a sweep varies most is
    not part of it: the seed is in the state, the learning rate and the weights of the
    loss's terms are arguments.
    """

    model: Model
    loss: Callable[..., Array]
    """A `Loss`; where its weights are handed in, they come third."""
    optimizer: Optimizer
    average_decay: float = 0.0
    """Decay of the moving average of the parameters a step; 0 keeps none."""
    compute_dtype: Any = jnp.float32
    """Numbers the network computes with; parameters and loss stay float32."""
    matmul_precision: str = "float32"
    """What a GPU may round the factors of products to, as JAX names it."""
    microbatch: int | None = None
    """Windows that go through the network together; None takes the whole batch."""
    context: int | None = None
    """Samples heard before the outputs; None hears all that the windows offer."""
    chunk: int | None = None
    """Samples after which the gradient's way back is cut; None never cuts."""
    update_every_chunk: bool = False
    """Make a step of each chunk, the audio state carried from step to step."""
    mesh: Mesh | None = None
    """Devices that the windows of a batch are dealt out to (see `devices`)."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """Everything a run must remember to go on exactly."""

    step: Array
    seed: Array
    params: Array
    """All parameters, end to end (see `flat`)."""
    average: Array | None
    """Moving average of the parameters, or None."""
    optimizer: Any
    audio: State
    """State of the model between the chunks of one window, or None."""


def start(
    task: Task, seed: int, batch: int, taken: Mapping[str, np.ndarray] | None = None
) -> TrainState:
    """The state before the first step.

    Not compiled as one: dozens of random draws take XLA seconds to compile together,
    and a moment one by one.

    Args:
        taken: Parameters to begin with, by name (see `flat.named`); the others are
            drawn, as all are without any.
    """
    number = jnp.asarray(seed, jnp.uint32)
    first = task.model.init(jax.random.fold_in(jax.random.key(number), 0))
    first = replaced(first, taken) if taken else first
    return begun_with(task, number, vector(first), batch)


def like_start(task: Task, batch: int) -> TrainState:
    """The shapes of the state before the first step."""
    leaves, _ = shapes(task.model)
    params = jax.ShapeDtypeStruct((sum(leaf.size for leaf in leaves),), jnp.float32)
    return jax.eval_shape(
        lambda params: begun_with(task, jnp.uint32(0), params, batch), params
    )


def begun_with(task: Task, seed: Array, params: Array, batch: int) -> TrainState:
    """The state before the first step, with these parameters."""
    audio = None
    if task.update_every_chunk:
        audio = task.model.init_state(layers(task.model, params), batch)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        seed=seed,
        params=params,
        average=jnp.copy(params) if task.average_decay else None,
        optimizer=optimizer_of(task, 0.0).init(params),
        audio=audio,
    )


def optimizer_of(task: Task, rate: Any) -> optax.GradientTransformation:
    """The task's optimiser, as one of vectors."""
    optimizer = task.optimizer(rate)
    if task.optimizer.elementwise:
        return optimizer
    return layerwise(optimizer, task.model)


def kept_params(model: Model, state: TrainState) -> Params:
    """What validation hears and export writes: the average where one is kept.

    A copy, because the next compiled call overwrites the state.
    """
    kept = state.params if state.average is None else state.average
    return jax.tree.map(jnp.asarray, layers(model, np.array(kept)))


def several_steps(
    tasks: tuple[Task, ...],
    states: tuple[TrainState, ...],
    dataset: Dataset,
    rates: Array,
    steps: Array,
    weights: Array | None,
) -> tuple[tuple[TrainState, ...], Array, Array]:
    """Up to `steps` steps of each member; `train_steps` compiles them as one call.

    Args:
        tasks: One for each member; a single model is a tuple of one.
        states: All of the same step and seed.
        rates: The learning rates of the steps to come, `[STEPS_PER_CALL]`.
        weights: Of the terms of the loss, `[terms]`; None takes the loss's own.

    Returns:
        The new states, the losses `[members, STEPS_PER_CALL]` of the steps made, and
        whether all was finite `[members]`; where not, the state is the one before
        the failing step.
    """
    members, lasts = len(tasks), steps_per_window(tasks, dataset)
    first, seed, mesh = states[0].step, states[0].seed, tasks[0].mesh

    def unfinished(carry):
        index, _, _, healthy = carry
        return (index < steps) & jnp.any(healthy)

    def advance(carry):
        index, states, losses, healthy = carry
        batch = along(mesh, draw(dataset, seed, (first + index) // lasts))
        ends = [
            train_step(task, state, apart(batch), rates[index], weights)
            for task, state in zip(tasks, states, strict=True)
        ]
        losses = losses.at[:, index].set(
            jnp.where(healthy, jnp.stack([loss for _, loss, _ in ends]), jnp.nan)
        )
        healthy &= jnp.stack([fine for *_, fine in ends])
        states = tuple(
            placed_alike(
                mesh,
                jax.tree.map(partial(jnp.where, healthy[i]), ends[i][0], states[i]),
            )
            for i in range(members)
        )
        return index + 1, states, losses, healthy

    losses = jnp.full((members, STEPS_PER_CALL), jnp.nan, jnp.float32)
    carry = (jnp.zeros((), jnp.int32), states, losses, jnp.full(members, True))
    _, states, losses, healthy = jax.lax.while_loop(unfinished, advance, carry)
    states = tuple(placed_alike(mesh, state) for state in states)
    return states, *known_everywhere(mesh, (losses, healthy))


train_steps = jax.jit(
    several_steps,
    static_argnames="tasks",
    donate_argnames="states",
    compiler_options=LEARNING,
)


def draw(dataset: Dataset, seed: Array, window: Array) -> Batch:
    """The windows of a run: of one step, or of several with an update every chunk."""
    return dataset.sample(jax.random.fold_in(jax.random.key(seed), 1), window)


def apart(batch: Batch) -> Batch:
    """The batch as if nobody else heard it.

    Otherwise the compiler may join what members compute alike and round it otherwise,
    and a member beside others would not be, bit for bit, the same member alone. It
    costs nothing; nor would it gain to make members wait for each other.
    """
    return jax.lax.optimization_barrier(batch)


def steps_per_window(tasks: tuple[Task, ...], dataset: Dataset) -> int:
    """Steps that one draw of windows lasts: several with an update every chunk."""
    lasts = {
        outputs_of(dataset) // task.chunk
        if task.update_every_chunk and task.chunk
        else 1
        for task in tasks
    }
    if len(lasts) > 1:
        raise ValueError("Members side by side must hear a window for as many steps.")
    return lasts.pop()


def outputs_of(dataset: Dataset) -> int:
    """Samples each window is judged on."""
    return jax.eval_shape(dataset.sample, jax.random.key(0), jnp.int32(0)).target.shape[
        2
    ]


def train_step(
    task: Task,
    state: TrainState,
    batch: Batch,
    rate: Array,
    weights: Array | None = None,
) -> tuple[TrainState, Array, Array]:
    """One step: compare, and follow the gradient.

    Args:
        batch: The whole windows, of which an update every chunk hears a part.
        weights: As for `several_steps`.

    Returns:
        The new state, the loss, and whether loss and new parameters are finite.
    """
    with jax.default_matmul_precision(task.matmul_precision):
        batch, audio = heard(task, state, batch)
        loss, audio, gradient = mean_gradient(task, state.params, batch, audio, weights)
    optimizer = optimizer_of(task, rate)
    with jax.default_matmul_precision("float32"):  # some optimisers turn matrices
        updates, memory = optimizer.update(gradient, state.optimizer, state.params)
    params: Any = optax.apply_updates(state.params, updates)
    average: Any = state.average
    if task.average_decay:
        average = optax.incremental_update(params, average, 1 - task.average_decay)
    healthy = jnp.isfinite(loss) & jnp.all(jnp.isfinite(params))
    new_state = TrainState(state.step + 1, state.seed, params, average, memory, audio)
    return new_state, loss, healthy


def heard(task: Task, state: TrainState, batch: Batch) -> tuple[Batch, State]:
    """What this step hears of the windows, and the audio state to start from (or None).

    With an update every chunk, a window lasts several steps: the first hears the
    context from an unknown past, the others go on where the step before stopped.
    """
    outputs = batch.target.shape[2]
    context = batch.input.shape[2] - outputs
    if task.context is not None:
        batch = dataclasses.replace(
            batch, input=batch.input[:, :, context - task.context :]
        )
        context = task.context
    if not task.update_every_chunk:
        return batch, None
    assert task.chunk is not None
    position = state.step % (outputs // task.chunk)

    def settled(numbers: Array, before: Array, controls: Array | None) -> State:
        params = layers(task.model, numbers)
        unknown = task.model.init_state(params, before.shape[0])
        return task.model.apply(params, before, controls, unknown)[1]

    def fresh() -> State:
        before = batch.input[:, :, :context]
        return by_device(task.mesh, settled)(state.params, before, batch.controls)

    audio = jax.lax.cond(position == 0, fresh, lambda: state.audio)
    begin = position * task.chunk
    cut = partial(jax.lax.dynamic_slice_in_dim, slice_size=task.chunk, axis=2)
    piece = Batch(
        cut(batch.input, context + begin),
        cut(batch.target, begin),
        batch.controls,
    )
    return piece, audio
