"""The mean loss of a batch and its gradient."""

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxamp.core import Array, Batch, Model, Params, State
from jaxamp.train.devices import by_device, known
from jaxamp.train.flat import layers

if TYPE_CHECKING:
    from jaxamp.train.step import Task


def mean_gradient(
    task: "Task", params: Array, batch: Batch, audio: State, weights: Array | None
) -> tuple[Array, State, Array]:
    """Mean loss over the examples, the audio state after them, and the gradient.

    Args:
        params: All of them end to end, and so is the gradient.
        weights: Of the loss's terms; None takes its own.
    """
    function = jax.value_and_grad(objective, argnums=1, has_aux=True)
    (loss, audio), gradient = function(task, params, batch, audio, weights)
    return loss, audio, gradient


def objective(
    task: "Task", params: Array, batch: Batch, audio: State, weights: Array | None
) -> tuple[Array, State]:
    """Mean loss of the batch, and the audio state after it."""
    play = by_device(task.mesh, partial(played, task))
    y, audio = play(params, batch, audio)
    heard = (y.astype(jnp.float32), batch.target)
    with known(task.mesh):
        each = task.loss(*heard) if weights is None else task.loss(*heard, weights)
    loss = jnp.mean(each)
    return loss, jax.lax.stop_gradient(audio)


def played(
    task: "Task", params: Array, batch: Batch, audio: State
) -> tuple[Array, State]:
    """What the network makes of a device's windows, a few at a time.

    On a CPU the working set of one window stays in the cache. The loss still sees
    the whole batch, because a spectral loss is a ratio over all of it. On the way back
    each part is played once more instead of keeping what its layers said: a third more
    arithmetic, but for A1 standard 60 MB instead of 840 MB, and 1.4 times as fast.
    """
    size = batch.input.shape[0]
    part = task.microbatch or size
    if part >= size:
        return predict(task, params, batch, audio)
    parts = jax.tree.map(lambda a: a.reshape(-1, part, *a.shape[1:]), (batch, audio))
    answers = in_turn(task, params, *parts)
    return jax.tree.map(lambda a: a.reshape(size, *a.shape[2:]), answers)


def all_in_turn(
    task: "Task", params: Array, batch: Batch, audio: State
) -> tuple[Array, State]:
    """What the network makes of parts `[n, b, ...]`, one after the other."""
    return jax.lax.map(lambda part: predict(task, params, *part), (batch, audio))


def keep(
    task: "Task", params: Array, batch: Batch, audio: State
) -> tuple[tuple[Array, State], Any]:
    """The same, and what the way back needs of it: nothing that a layer said."""
    return all_in_turn(task, params, batch, audio), (params, batch, audio)


def back(task: "Task", kept: Any, slopes: tuple[Array, State]) -> Any:
    """The gradient of what was said; the audio state's is not followed."""
    params, batch, audio = kept

    def add(gradient: Array, part: Any) -> tuple[Array, None]:
        heard, slope = part
        _, answer = jax.vjp(lambda params: predict(task, params, *heard)[0], params)
        return gradient + answer(slope)[0], None

    parts = (batch, audio), slopes[0]
    gradient, _ = jax.lax.scan(add, jnp.zeros_like(params), parts, reverse=True)
    return gradient, None, None


in_turn = partial(jax.custom_vjp, nondiff_argnums=(0,))(all_in_turn)
in_turn.defvjp(keep, back)


def predict(
    task: "Task", params: Array, batch: Batch, audio: State
) -> tuple[Array, State]:
    """The prediction for the batch, going on from `audio` or from an unknown past."""
    dtype = task.compute_dtype
    # Together with the windows, so that XLA does not take what is done to the weights
    # (an extra kernel for each number's place) out of the loop over the windows.
    params, x = jax.lax.optimization_barrier((params, batch.input))
    heard = layers(task.model, params), x, batch.controls, audio
    there, x, controls, audio = jax.tree.map(lambda a: a.astype(dtype), heard)
    if audio is None:
        outputs = batch.target.shape[2]
        return from_unknown(task.model, there, x, controls, outputs, task.chunk), None
    y, audio = task.model.apply(there, x, controls, audio)
    return y, jax.tree.map(lambda a: a.astype(jnp.float32), audio)


def from_unknown(
    model: Model,
    params: Params,
    x: Array,
    controls: Array | None,
    outputs: int,
    chunk: int | None,
) -> Array:
    """What the model plays for the last `outputs` samples, from an unknown past.

    With a `chunk`, the context and each chunk of the outputs are heard one after the
    other, and the gradient does not flow back from one into the one before. Without
    context it reaches the state before the first sample, which may be learned.

    Source:
        Williams & Peng 1990, truncated backpropagation through time.
    """
    unknown = model.init_state(params, x.shape[0])
    if chunk is None:
        y, _ = model.apply(params, x, controls, unknown)
        return y[:, :, y.shape[2] - outputs :]
    before, x = jnp.split(x, [x.shape[2] - outputs], axis=2)
    state = unknown
    if before.shape[2]:
        _, state = model.apply(params, before, controls, unknown)
        state = jax.lax.stop_gradient(state)
    chunks = jnp.moveaxis(x.reshape(*x.shape[:2], -1, chunk), 2, 0)

    def play(state: State, block: Array) -> tuple[State, Array]:
        y, state = model.apply(params, block, controls, state)
        return jax.lax.stop_gradient(state), y

    _, y = jax.lax.scan(play, state, chunks)
    return jnp.moveaxis(y, 0, 2).reshape(x.shape[0], -1, outputs)
