"""Many members of one task in one program: all seeds, rates and captures of a sweep.

Members share nothing but the program, so they are spread over the devices, and no
device waits for another. On a CPU every core can be a device (see `use_devices`) whose
members take turns: eight seeds of A1 nano on two cores need 47 ms a step each instead
of 92 alone, and of LSTM 1x16 65 instead of 110, because work too small for two cores is
not split. An accelerator trains its members as one batch.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxamp.core import Array, Dataset
from jaxamp.core.compiler import LEARNING
from jaxamp.train.loop import Collect
from jaxamp.train.members import Member, Running
from jaxamp.train.step import Task, TrainState, several_steps

MEMORY_SHARE = 0.8
"""Of a device's memory that a population may fill."""

ALONG = PartitionSpec("members")
EVERYWHERE = PartitionSpec()


class Population:
    """Moves members of equal tasks on together; `fit` calls it instead of its own way.

    The most members it has met fix how many a call takes. Where some have stopped,
    their lanes are empty: in turns they cost nothing, and a batch is halved once half
    of it is empty.

    Args:
        at_once: The most members in one call; None takes what the memory holds.
        in_turn: Whether the members of a device take turns instead of being one
            batch; None takes turns on a CPU.
    """

    def __init__(self, at_once: int | None = None, in_turn: bool | None = None):
        devices = jax.local_devices()
        on_cpu = devices[0].platform == "cpu"
        self.in_turn = on_cpu if in_turn is None else in_turn
        self.mesh = jax.make_mesh(
            (len(devices),), ("members",), (AxisType.Auto,), devices=devices
        )
        self.at_once = at_once
        self.most, self.width = 0, 0
        self.programs: dict[Any, Callable[..., Any]] = {}
        self.placed: tuple[Any, Any] = ((), None)

    def __call__(self, turn: Sequence[Running], step: int, length: int) -> Collect:
        """Starts up to `length` steps of each; the result waits for them."""
        if len(turn) > self.most:
            self.most, self.width = len(turn), self.fitting(turn, step)
        started = [
            self.begin(turn[i : i + self.width], step, length)
            for i in range(0, len(turn), self.width)
        ]

        def collect() -> tuple[list[TrainState], np.ndarray, np.ndarray]:
            states, losses, healthy = zip(*(part() for part in started), strict=True)
            together = [state for part in states for state in part]
            return together, np.concatenate(losses), np.concatenate(healthy)

        return collect

    def fitting(self, turn: Sequence[Running], step: int) -> int:
        """Lanes of a call: as many as there are members, as asked for or as fit."""
        width = self.whole(min(len(turn), self.at_once or len(turn)))
        while not self.in_turn and width > self.mesh.size:
            lanes = spread(min(width, len(turn)), width, self.mesh.size)
            program = self.program(*self.arguments(turn, lanes, step, 1))
            if needed_bytes(program) <= MEMORY_SHARE * available_bytes():
                break
            width = self.whole(width // 2)
        return width

    def whole(self, members: int) -> int:
        """The number of lanes for so many members: alike on every device."""
        return -(-members // self.mesh.size) * self.mesh.size

    def lanes_for(self, members: int) -> int:
        """Lanes of a call: empty ones cost a batch time, and a turn nothing."""
        lanes = self.width
        while not self.in_turn and members <= (half := self.whole(lanes // 2)) < lanes:
            lanes = half
        return lanes

    def begin(self, part: Sequence[Running], step: int, length: int) -> Collect:
        """One call, and how its results are told apart again."""
        lanes = spread(len(part), self.lanes_for(len(part)), self.mesh.size)
        task, shared, arguments = self.arguments(part, lanes, step, length)
        made = self.program(task, shared, arguments)(*arguments)
        mine = [lanes.index(member) for member in range(len(part))]

        def collect() -> tuple[list[TrainState], np.ndarray, np.ndarray]:
            states, losses, healthy = jax.tree.map(np.asarray, made)
            apart = [jax.tree.map(lambda a, i=i: a[i], states) for i in mine]
            return apart, losses[mine], healthy[mine]

        return collect

    def arguments(
        self,
        part: Sequence[Running],
        lanes: Sequence[int | None],
        step: int,
        steps: int,
    ) -> tuple[Task, bool, tuple[Any, ...]]:
        """What the program is compiled for, and what it is given; `None` lanes idle."""
        filled = [part[lane or 0] for lane in lanes]
        members = [run.member for run in filled]
        weights = [np.asarray(one.weights, np.float32) for one in members]
        given = (
            stacked([run.state for run in filled]),
            np.stack([run.rates_after(step) for run in filled]),
            np.asarray([0 if lane is None else steps for lane in lanes], np.int32),
            None if members[0].weights is None else np.stack(weights),
        )
        shared = len({id(one.dataset) for one in members}) == 1
        there = jax.device_put(given, NamedSharding(self.mesh, ALONG))
        return members[0].task, shared, (self.datasets(members, shared), *there)

    def datasets(self, members: Sequence[Member], shared: bool) -> Dataset:
        """The audio on the devices: once where all hear the same, else in lanes."""
        key = tuple(id(one.dataset) for one in members)
        if key != self.placed[0]:
            heard = [one.dataset for one in members]
            along = NamedSharding(self.mesh, EVERYWHERE if shared else ALONG)
            data = heard[0] if shared else stacked(heard)
            self.placed = (key, jax.device_put(data, along))
        return self.placed[1]

    def program(self, task: Task, shared: bool, arguments: Any) -> Any:
        """The compiled call for these shapes."""
        shapes = tuple(leaf.shape for leaf in jax.tree.leaves(arguments))
        key = (task, shared, shapes)
        if key not in self.programs:
            lowered = population_steps.lower(
                *arguments,
                task=task,
                shared=shared,
                mesh=self.mesh,
                in_turn=self.in_turn,
            )
            self.programs[key] = lowered.compile()
        return self.programs[key]


@partial(
    jax.jit,
    static_argnames=("task", "shared", "mesh", "in_turn"),
    donate_argnames="states",
    compiler_options=LEARNING,
)
def population_steps(
    dataset: Dataset,
    states: TrainState,
    rates: Array,
    steps: Array,
    weights: Array | None,
    *,
    task: Task,
    shared: bool,
    mesh: Mesh,
    in_turn: bool,
) -> tuple[TrainState, Array, Array]:
    """`several_steps` of every lane.

    Shapes:
        states: every leaf `[lanes, …]`; rates `[lanes, STEPS_PER_CALL]`; steps
        `[lanes]`, 0 where a lane is empty; weights `[lanes, terms]`; the dataset as
        ever if it is shared, else every leaf `[lanes, …]`.
    """

    def alone(heard, state, rates, steps, weights):
        (state,), losses, healthy = several_steps(
            (task,), (state,), heard, rates, steps, weights
        )
        return state, losses[0], healthy[0]

    def on_one_device(heard, *lanes):
        if not in_turn:
            return jax.vmap(alone, in_axes=(None if shared else 0, 0, 0, 0, 0))(
                heard, *lanes
            )
        if shared:
            return jax.lax.map(lambda lane: alone(heard, *lane), lanes)
        return jax.lax.map(lambda lane: alone(*lane), (heard, *lanes))

    return jax.shard_map(
        on_one_device,
        mesh=mesh,
        in_specs=(EVERYWHERE if shared else ALONG, ALONG, ALONG, ALONG, ALONG),
        out_specs=ALONG,
        check_vma=False,
    )(dataset, states, rates, steps, weights)


def spread(members: int, lanes: int, devices: int) -> list[int | None]:
    """Which member each lane holds: dealt out, so that every device has its share."""
    rows = lanes // devices
    dealt = [row * devices + device for device in range(devices) for row in range(rows)]
    return [member if member < members else None for member in dealt]


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of equal shapes as one, with an axis for the trees before all others."""
    return jax.tree.map(
        lambda *leaves: np.stack([np.asarray(a) for a in leaves]), *trees
    )


def needed_bytes(program: Any) -> int:
    """Memory of one device that a compiled call takes."""
    sizes = program.memory_analysis()
    return sizes.temp_size_in_bytes + sizes.argument_size_in_bytes


def available_bytes() -> int:
    """Memory of a device."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"]
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 1 << 62  # unknown: the call itself will tell
