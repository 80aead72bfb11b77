"""The windows of a batch dealt out to devices: data parallelism.

The step is the program it is on one device, compiled for a mesh of devices instead.
Windows lie along the mesh; parameters, optimiser and recordings are on every device,
and each cuts the windows it needs for itself. What `jit` then adds up over the batch,
the loss and its gradient, it adds up over the devices. The devices may be those of
several processes: each runs the same program and holds its own part.

Not `pmap`: that is an older way to the same thing, by now itself built on `jit`, in
which every array carries an axis of devices, sums over them are written by hand, and a
program for eight devices is another than for one. Nor are gradients taken inside a
`shard_map`, where that of a replicated parameter is not the sum over the devices that
one expects. Only the network itself is run device by device, on a copy of the
parameters for each: so a device goes through its own windows in parts, as it does
alone, and the devices meet once a step, in the sum of the copies' gradients. Left to
`jit`, they would meet in every turn of every loop whose gradients it adds up.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from jaxamp.core import ConfigError
from jaxamp.core.batch import WINDOWS

if TYPE_CHECKING:
    from jaxamp.train.step import TrainState

ALONG = PartitionSpec(WINDOWS)
EVERYWHERE = PartitionSpec()

THREADS_A_DEVICE = 2
"""Threads that XLA's pool is given for each device where there are more than cores, so
that devices that wait for each other in it leave some to work."""


def use_devices(number: int) -> None:
    """Makes so many devices of a CPU's cores; possible until JAX is first used.

    As many as there are cores make training faster (measured on two), because the
    operations of a small network are too short to be shared out. Accelerators are what
    they are; where there are any, this has no effect.
    """
    if number > 1:
        with contextlib.suppress(RuntimeError):  # JAX is running already
            jax.config.update("jax_num_cpu_devices", number)
            if number > cores():  # NPROC is XLA's word for its threads
                os.environ.setdefault("NPROC", str(THREADS_A_DEVICE * number))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def dealt(batch: int, wanted: int | None) -> Mesh | None:
    """The devices that a batch is dealt out to; None where it is one alone.

    Args:
        batch: Windows of a step.
        wanted: Devices of each process; None takes as many as get equal shares.

    Raises:
        ConfigError: There are fewer devices, or the shares would not be equal.
    """
    everyone, processes = jax.devices(), jax.process_count()
    of_process = [
        [device for device in everyone if device.process_index == i]
        for i in range(processes)
    ]
    there = min(map(len, of_process))
    if wanted is not None and wanted > there:
        raise ConfigError(
            f"train.devices={wanted}, but this process has {there} "
            f"({everyone[0].device_kind}). Use train.devices=auto, or {there} at most."
        )
    number = most_equal(batch, processes, wanted, there)
    if number * processes == 1:
        return None
    chosen = np.asarray([devices[:number] for devices in of_process]).ravel()
    return Mesh(chosen, (WINDOWS,), axis_types=(AxisType.Auto,))


def most_equal(batch: int, processes: int, wanted: int | None, there: int) -> int:
    """Devices of each process that get equal shares of a batch."""
    fit = [n for n in range(1, there + 1) if batch % (n * processes) == 0]
    if not fit:
        raise ConfigError(
            f"train.batch={batch} windows cannot be dealt out equally to {processes} "
            f"processes. Use a multiple of {processes}."
        )
    if wanted is None:
        return fit[-1]
    if wanted not in fit:
        among = f"{processes} processes of {wanted}" if processes > 1 else f"{wanted}"
        raise ConfigError(
            f"train.batch={batch} windows cannot be dealt out equally to {among} "
            f"devices. Use train.devices={fit[-1]}, or a batch that is a multiple of "
            f"{wanted * processes}."
        )
    return wanted


def described(mesh: Mesh | None) -> str:
    """In words, which devices a batch is dealt out to; nothing for one alone."""
    if mesh is None:
        return ""
    processes = len({device.process_index for device in mesh.devices.flat})
    several = f" of {processes} processes" if processes > 1 else ""
    there = len(jax.devices())
    said = f"The windows of each step are dealt out to {mesh.size} devices{several}."
    if jax.default_backend() == "cpu" or mesh.size == there:
        return said
    return f"{said} {there} are there, but train.batch has no equal shares for more."


def by_device(mesh: Mesh | None, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(params, *of_windows)`, every device computing its own windows.

    Each device is given a copy of its own of the parameters, so that nothing need be
    added up over devices before the gradients of the copies are.

    Shapes:
        every leaf of `of_windows` and of the result `[b, …]`; of a device's, `[b / n,
        …]`
    """
    if mesh is None:
        return function

    def on_one(copies: Any, *of_windows: Any) -> Any:
        return function(jax.tree.map(lambda a: a[0], copies), *of_windows)

    def on_all(params: Any, *of_windows: Any) -> Any:
        copies = jax.tree.map(
            lambda a: jnp.broadcast_to(a, (mesh.size, *a.shape)), params
        )
        return jax.shard_map(
            on_one, mesh=mesh, in_specs=ALONG, out_specs=ALONG, check_vma=False
        )(copies, *of_windows)

    return on_all


def known(mesh: Mesh | None) -> contextlib.AbstractContextManager[Any]:
    """Lets what is traced here know the devices, as some of what a loss does must."""
    if mesh is None:
        return contextlib.nullcontext()
    return jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def along(mesh: Mesh | None, of_windows: Any) -> Any:
    """Inside a compiled step: the same, its windows on the devices that use them."""
    return constrained(mesh, ALONG, of_windows)


def placed_alike(mesh: Mesh | None, state: "TrainState") -> "TrainState":
    """Inside a compiled step: the state where `placed` puts it."""
    rest = known_everywhere(mesh, dataclasses.replace(state, audio=None))
    return dataclasses.replace(rest, audio=along(mesh, state.audio))


def known_everywhere(mesh: Mesh | None, tree: Any) -> Any:
    """Inside a compiled step: the same, all of it on every device."""
    return constrained(mesh, EVERYWHERE, tree)


def constrained(mesh: Mesh | None, spec: PartitionSpec, tree: Any) -> Any:
    """Inside a compiled step: the tree, lying so on the mesh."""
    if mesh is None:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, spec))


def placed(mesh: Mesh | None, state: "TrainState") -> "TrainState":
    """The state on the devices: all of it on each, but audio beside its windows."""
    if mesh is None:
        return state
    rest = everywhere(mesh, dataclasses.replace(state, audio=None))
    beside = NamedSharding(mesh, ALONG)
    audio = jax.tree.map(lambda leaf: put(leaf, beside), state.audio)
    return dataclasses.replace(rest, audio=audio)


def placed_shapes(mesh: Mesh | None, like: "TrainState") -> "TrainState":
    """The shapes of a state, as those of one that is `placed`."""
    if mesh is None:
        return like

    def shape(leaf: Any, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
        lying = NamedSharding(mesh, spec)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=lying)

    rest = dataclasses.replace(like, audio=None)
    known = jax.tree.map(lambda leaf: shape(leaf, EVERYWHERE), rest)
    audio = jax.tree.map(lambda leaf: shape(leaf, ALONG), like.audio)
    return dataclasses.replace(known, audio=audio)


def everywhere(mesh: Mesh | None, tree: Any) -> Any:
    """The tree on every device."""
    if mesh is None:
        return tree
    return jax.tree.map(lambda leaf: put(leaf, NamedSharding(mesh, EVERYWHERE)), tree)


def put(leaf: Any, sharding: Sharding) -> jax.Array:
    """Numbers that this process has, on the devices; its part of them where others
    have devices too."""
    if isinstance(leaf, jax.Array) and leaf.sharding.is_equivalent_to(
        sharding, leaf.ndim
    ):
        return leaf
    numbers = np.array(leaf)
    return jax.make_array_from_callback(
        numbers.shape, sharding, lambda index: numbers[index]
    )


def fetched(tree: Any) -> Any:
    """A copy in this process's memory; all processes must ask for it at once."""

    def fetch(leaf: Any) -> np.ndarray:
        if isinstance(leaf, jax.Array) and not (
            leaf.is_fully_addressable or leaf.is_fully_replicated
        ):
            everywhere = NamedSharding(leaf.sharding.mesh, EVERYWHERE)  # pyright: ignore
            leaf = jax.jit(lambda a: a, out_shardings=everywhere)(leaf)
        return np.array(leaf)

    return jax.tree.map(fetch, tree)
