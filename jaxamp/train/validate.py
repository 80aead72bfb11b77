"""How wrong the model is on the validation passages, streamed on the device."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp.core import Array, Capture, Model, Params, warm

BLOCK = 4096
"""Samples the model hears at a time; memory does not grow with the passage."""

LONG_BLOCK = 131_072
"""The same where there is no cache to stay in, and every block costs launches."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Passage:
    """A validation capture on the device, cut into blocks.

    Shapes:
        context `[1, 1, warmup]`, input and target `[n, 1, 1, block]`; the last block
        is filled up with zeros, `samples` says how many count; controls `[1, k]` as
        the model hears them, None without; setting `[any]`, all knobs there were.
    """

    context: Array
    input: Array
    target: Array
    samples: Array
    controls: Array | None = None
    setting: Array | None = None


def passage(
    capture: Capture,
    warmup: int,
    block: int | None = None,
    knobs: Sequence[int] | None = None,
) -> Passage:
    """The capture ready to validate on: warmed on what came before, else on silence.

    Args:
        block: Samples heard at a time; None takes what suits the device.
        knobs: Which of the capture's knobs the model hears, in its order; None is all.
    """
    if block is None:
        block = BLOCK if jax.default_backend() == "cpu" else LONG_BLOCK
    before = capture.context[max(0, capture.context.size - warmup) :]
    context = np.concatenate([np.zeros(warmup - before.size, np.float32), before])
    setting = np.asarray(capture.controls, np.float32)
    told = setting if knobs is None else setting[list(knobs)]
    return Passage(
        context=jnp.asarray(context)[None, None],
        input=jnp.asarray(blocks(capture.input, block)),
        target=jnp.asarray(blocks(capture.target, block)),
        samples=jnp.asarray(capture.target.size, jnp.int32),
        controls=jnp.asarray(told)[None] if told.size else None,
        setting=jnp.asarray(setting),
    )


def blocks(audio: np.ndarray, block: int) -> np.ndarray:
    """1-D audio as `[n, 1, 1, block]`, filled up with zeros."""
    filled = np.pad(audio.astype(np.float32), (0, -audio.size % block))
    return filled.reshape(-1, 1, 1, block)


def validation_esrs(
    models: Sequence[Model],
    params: Sequence[Params],
    passages: Sequence[Sequence[Passage]],
) -> list[float]:
    """The validation ESR of several members.

    An accelerator hears members of one model on the same passages as one batch; on a
    CPU that gains nothing.
    """
    heard = {tuple(map(id, one)) for one in passages}
    alike = len(set(models)) == len(heard) == 1
    if len(models) < 2 or not alike or jax.default_backend() == "cpu":
        return [
            validation_esr(*one) for one in zip(models, params, passages, strict=True)
        ]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params)
    energies = [error_energies(models[0], together, one) for one in passages[0]]
    return [float(esr) for esr in np.ravel(ratio(energies, passages[0]))]


def validation_esr(model: Model, params: Params, passages: Sequence[Passage]) -> float:
    """ESR over all passages together: one ratio of sums, not a mean of ratios.

    With knobs, it is the mean over settings of such ratios: an amp that is turned up
    is a hundred times as loud, and would be all that counts.
    """
    energies = [error_energy(model, params, passage) for passage in passages]
    return float(ratio(energies, passages))


def ratio(
    energies: Sequence[tuple[Array, Array]], passages: Sequence[Passage]
) -> np.ndarray:
    """The ESR out of the energies of errors and targets, each `[]` or `[members]`."""
    heard, settings = jax.device_get((energies, [one.setting for one in passages]))
    of_setting: dict[bytes, list[Any]] = {}
    for one, setting in zip(heard, settings, strict=True):
        key = b"" if setting is None else setting.tobytes()
        of_setting.setdefault(key, []).append(one)
    sums = [np.sum(np.asarray(one, np.float64), axis=0) for one in of_setting.values()]
    return np.mean([wrong / np.maximum(right, 1e-12) for wrong, right in sums], axis=0)


@partial(jax.jit, static_argnames="model")
def error_energy(model: Model, params: Params, passage: Passage) -> tuple[Array, Array]:
    """Energy of the error and of the target over one passage."""

    block = passage.input.shape[-1]

    def play(state, piece):
        index, x, target = piece
        y, state = model.apply(params, x, passage.controls, state)
        counts = index * block + jnp.arange(block) < passage.samples
        error = jnp.where(counts, y - target, 0.0)
        return state, (jnp.sum(error**2), jnp.sum(target**2))

    state = warm(model, params, passage.context, passage.controls)
    index = jnp.arange(passage.input.shape[0])
    _, sums = jax.lax.scan(play, state, (index, passage.input, passage.target))
    return jnp.sum(sums[0]), jnp.sum(sums[1])


@partial(jax.jit, static_argnames="model")
def error_energies(
    model: Model, params: Params, passage: Passage
) -> tuple[Array, Array]:
    """The same of several members at once: every leaf of params `[members, …]`."""
    return jax.vmap(lambda one: error_energy(model, one, passage))(params)
