"""The mean loss of a batch and its gradient, within the memory that is there."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxamp.core import Array, Batch, Model, Params, State

if TYPE_CHECKING:
    from jaxamp.train.step import Task


def mean_gradient(
    task: "Task", params: Params, batch: Batch, audio: State
) -> tuple[Array, State, Params]:
    """Mean loss over the examples, the audio state after them, and the gradient.

    A few windows at a time go through the network: on a CPU their working set then
    stays in the cache, and the mean over all examples is the same.
    """
    size = batch.input.shape[0]
    part = task.microbatch or size
    function = jax.value_and_grad(objective, argnums=1, has_aux=True)
    if part >= size:
        (loss, audio), gradient = function(task, params, batch, audio)
        return loss, audio, gradient
    parts = jax.tree.map(lambda a: a.reshape(-1, part, *a.shape[1:]), (batch, audio))

    def add(total: Any, piece: Any) -> tuple[Any, State]:
        (loss, audio), gradient = function(task, params, *piece)
        return jax.tree.map(jnp.add, total, (loss, gradient)), audio

    zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
    total, audio = jax.lax.scan(add, zero, parts)
    loss, gradient = jax.tree.map(lambda a: a * (part / size), total)
    audio = jax.tree.map(lambda a: a.reshape(size, *a.shape[2:]), audio)
    return loss, audio, gradient


def objective(
    task: "Task", params: Params, batch: Batch, audio: State
) -> tuple[Array, State]:
    """Mean loss of the batch, and the audio state after it."""
    dtype = task.compute_dtype
    params, x, controls, audio = jax.tree.map(
        lambda a: a.astype(dtype), (params, batch.input, batch.controls, audio)
    )
    if audio is None:
        batch = Batch(x, batch.target, controls)
        y, audio = predict(task.model, params, batch, task.chunk), None
    else:
        y, audio = task.model.apply(params, x, controls, audio)
        audio = jax.tree.map(lambda a: a.astype(jnp.float32), audio)
    loss = jnp.mean(task.loss(y.astype(jnp.float32), batch.target))
    return loss, jax.lax.stop_gradient(audio)


def predict(model: Model, params: Params, batch: Batch, chunk: int | None) -> Array:
    """What the model plays for the batch's target, from an unknown past.

    With a `chunk`, the context and each chunk of the outputs are heard one after the
    other, and the gradient does not flow back from one into the one before.

    Source:
        Williams & Peng 1990, truncated backpropagation through time.
    """
    outputs = batch.target.shape[2]
    unknown = model.init_state(params, batch.input.shape[0])
    if chunk is None:
        y, _ = model.apply(params, batch.input, batch.controls, unknown)
        return y[:, :, y.shape[2] - outputs :]
    context = batch.input.shape[2] - outputs
    before, x = jnp.split(batch.input, [context], axis=2)
    _, state = model.apply(params, before, batch.controls, unknown)
    chunks = jnp.moveaxis(x.reshape(*x.shape[:2], -1, chunk), 2, 0)

    def play(state: State, block: Array) -> tuple[State, Array]:
        state = jax.lax.stop_gradient(state)
        y, state = model.apply(params, block, batch.controls, state)
        return state, y

    _, y = jax.lax.scan(play, state, chunks)
    return jnp.moveaxis(y, 0, 2).reshape(x.shape[0], -1, outputs)
