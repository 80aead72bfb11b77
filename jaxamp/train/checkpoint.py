"""Keeps the latest state of a run and the best one, and knows a damaged file.

A state is saved as one vector for each kind of number, because a checkpoint costs
time for every leaf, and with a checksum of all that is read back, because a flipped
byte is otherwise loaded without a word. Each checkpoint holds the best state beside its
own, so that a run goes on from any single one that is whole, and ends alike.
"""

import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from jaxamp.core import Model, RunError
from jaxamp.core.checksum import checksum
from jaxamp.core.shown import paragraph, shown
from jaxamp.core.small_files import NOT_OURS
from jaxamp.train.flat import layers, shapes
from jaxamp.train.step import TrainState
from jaxamp.train.strange import refuse_strange_files, refuse_strange_state

LATEST_KEPT = 2
"""Newest checkpoints kept, so that a damaged one has a predecessor."""

LONGEST_REASON = 300
"""Characters of what a library says that are passed on."""

BEST = "best_"
"""What the names of the best state's vectors begin with."""


class Kept:
    """Which checkpoints Orbax keeps: the newest, and the one of the best step.

    A training that diverges goes back to the best, so it stays for as long as it is.
    """

    best: int | None = None

    def should_preserve(
        self, checkpoints: Sequence[Any], *, context: Any
    ) -> Sequence[bool]:
        """Called by Orbax with all there are, the newest last."""
        del context
        newest = [one.step for one in checkpoints[-LATEST_KEPT:]]
        return [one.step in newest or one.step == self.best for one in checkpoints]


class Checkpoints:
    """The `checkpoints/` folder of a run."""

    def __init__(self, folder: Path, *, read_only: bool = False):
        self.folder = folder
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
        refuse_strange_files(folder)
        self.kept = Kept()
        self.lock = threading.RLock()
        """Held while saving: out of time, another thread saves (see `cli.stopping`)."""
        self.manager = opened(
            folder.absolute(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=self.kept,
                enable_async_checkpointing=False,
                cleanup_tmp_directories=not read_only,
                create=False,
                multiprocessing_options=by_this_process(),
                read_only=read_only,
                save_interval_steps=0 if read_only else 1,
            ),
        )

    def save(
        self,
        state: TrainState,
        facts: Mapping[str, Any],
        model: Model,
        target_gain: float,
        best: TrainState | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes a whole checkpoint, or nothing.

        Args:
            facts: JSON-able memory of the run outside the compiled state.
            best: The state with the lowest validation ESR so far.
            about: What the run is, JSON-able, to know it by.

        Raises:
            RunError: It could not be written.
        """
        vectors = pack(state)
        if best is not None:
            vectors |= {BEST + name: numbers for name, numbers in pack(best).items()}
        record = {
            "facts": dict(facts),
            "about": about,
            "architecture": model.architecture,
            "hyperparameters": dict(model.hyperparameters),
            "target_gain": target_gain,
            "averaged": state.average is not None,
            "crc32": checksums(vectors),
        }
        step = int(state.step)
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(vectors),
            record=ocp.args.JsonSave(record | {"checksum": checksum(record)}),
        )
        with self.lock:
            self.kept.best = facts.get("best_step")
            try:
                self.manager.save(step, args=args, force=True)
            except Exception as error:
                raise self.unwritten(step, error) from error

    def unwritten(self, step: int, error: Exception) -> RunError:
        """What to say of a checkpoint that could not be written."""
        earlier = [one for one in self.steps() if one < step]
        place = f"from step {earlier[0]}" if earlier else "from the beginning"
        return RunError(
            f"Checkpoint {step} could not be written to {self.folder}: "
            f"{in_brief(error)}. See that the disk has room and that the folder may be "
            f"written to, then start the run again: it goes on {place}."
        )

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, newest first."""
        return sorted(self.manager.all_steps(), reverse=True)

    def restore(self, step: int, like: TrainState) -> TrainState:
        """The state of a step, in the structure of `like`.

        Raises:
            RunError: What is stored is not what was saved.
        """
        return unpack(self.stored(step)[1], like)

    def best(self, step: int, like: TrainState) -> TrainState | None:
        """The best state as a step remembers it; None where it knows of none."""
        if step not in self.steps():
            return None
        best = best_of(self.stored(step)[1])
        return unpack(best, like) if best else None

    def stored(self, step: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What was written beside the arrays of a step, and the arrays.

        Raises:
            RunError: What is stored is not what was saved.
        """
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore(), record=ocp.args.JsonRestore()
        )
        try:
            refuse_strange_state(self.folder / str(step))
            restored = self.manager.restore(step, args=args)
            vectors = {name: np.asarray(v) for name, v in restored["state"].items()}
            record = dict(restored["record"])
            if checksums(vectors) != record["crc32"]:
                raise ValueError("its checksum is wrong")
            if record.pop("checksum", None) != checksum(record):
                raise ValueError("the checksum of its record is wrong")
            if record["facts"].get("step", step) != step:
                raise ValueError(f"it is of step {record['facts']['step']}")
        except Exception as error:  # whatever Orbax makes of files that are not its own
            reason = paragraph(in_brief(error))
            raise RunError(
                f"Checkpoint {step} in {self.folder} is damaged: {reason}."
            ) from error
        return record, vectors

    def discard(self, step: int) -> None:
        """Deletes a checkpoint, so that its step can be saved anew."""
        self.manager.delete(step)

    def set_aside(self, step: int) -> Path:
        """Moves a damaged checkpoint out of the way, where nobody takes it for whole.

        It is not deleted: perhaps only its disk could not be read at the moment.
        """
        place = self.folder.parent / "damaged" / str(step)
        number = 1
        while place.exists():
            number += 1
            place = place.with_name(f"{step}.{number}")
        place.parent.mkdir(exist_ok=True)
        (self.folder / str(step)).rename(place)
        self.manager.reload()
        return place

    def close(self) -> None:
        """Waits for what is still being written."""
        self.manager.close()


def opened(folder: Path, options: ocp.CheckpointManagerOptions) -> Any:
    """Orbax's manager of a folder.

    Raises:
        RunError: There are files in it that Orbax makes nothing of.
    """
    try:
        return ocp.CheckpointManager(folder, options=options)
    except NOT_OURS as error:
        raise RunError(
            f"{shown(folder)} holds no checkpoints of a run: {paragraph(error)}. Check "
            "where it comes from, or take another folder."
        ) from error


def by_this_process() -> ocp.options.MultiprocessingOptions:
    """Has Orbax wait for no other process: of a run's processes, one has its files."""
    here = jax.process_index()
    return ocp.options.MultiprocessingOptions(
        primary_host=here, active_processes={here}, barrier_sync_key_prefix=f"at{here}"
    )


def pack(state: Any) -> dict[str, np.ndarray]:
    """Every leaf, end to end, in one vector for each kind of number."""
    kinds: dict[str, list[np.ndarray]] = {}
    for leaf in jax.tree.leaves(jax.device_get(state)):
        kinds.setdefault(str(leaf.dtype), []).append(np.ravel(leaf))
    return {name: np.concatenate(leaves) for name, leaves in kinds.items()}


def checksums(vectors: Mapping[str, np.ndarray]) -> dict[str, int]:
    """What a flipped byte cannot keep."""
    return {name: zlib.crc32(vector.tobytes()) for name, vector in vectors.items()}


def best_of(vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The vectors of the best state among those of a checkpoint."""
    names = [name for name in vectors if name.startswith(BEST)]
    return {name.removeprefix(BEST): vectors[name] for name in names}


def in_brief(error: Exception) -> str:
    """What an exception says first, without a stop."""
    lines = str(error).strip().splitlines()
    text = lines[0][:LONGEST_REASON] if lines else type(error).__name__
    return text.rstrip(". ")


def unpack(vectors: Mapping[str, np.ndarray], like: Any) -> Any:
    """The inverse of `pack`, for a state of the structure of `like`.

    Raises:
        RunError: The vectors are those of another structure.
    """
    sizes: dict[str, int] = {}
    for leaf in jax.tree.leaves(like):
        sizes[str(leaf.dtype)] = sizes.get(str(leaf.dtype), 0) + leaf.size
    held = {
        name: vector.size
        for name, vector in vectors.items()
        if not name.startswith(BEST)
    }
    if held != sizes:
        raise RunError(
            f"The checkpoint holds {held} numbers, the training has {sizes}. It is "
            "another model's or another training's."
        )
    used = dict.fromkeys(vectors, 0)

    def take(leaf: jax.Array) -> jax.Array:
        name = str(leaf.dtype)
        start = used[name]
        used[name] += leaf.size
        return jnp.asarray(vectors[name][start : used[name]]).reshape(leaf.shape)

    return jax.tree.map(take, like)


def load_best(folder: Path) -> tuple[dict[str, Any], Any]:
    """The record and the vectors of the newest whole checkpoint in a folder.

    They hold the best parameters, or the latest where nothing was validated yet.

    Raises:
        RunError: There is no whole checkpoint.
    """
    checkpoints = Checkpoints(folder, read_only=True)  # its run may be going on
    try:
        steps = checkpoints.steps()
        if not steps:
            raise RunError(
                f"{folder} holds no whole checkpoint yet. Let the run reach its first "
                "validation, or start it again to go on."
            )
        record, vectors = newest_whole(checkpoints, steps)
        there = record["facts"].get("best_step")
        if not best_of(vectors) and there in steps:  # before 0.1, it lay apart
            return checkpoints.stored(there)
        return record, vectors
    finally:
        checkpoints.close()


def newest_whole(
    checkpoints: Checkpoints, steps: Sequence[int]
) -> tuple[dict[str, Any], Any]:
    """What is stored at the first of some steps that is not damaged."""
    damage = []
    for step in steps:
        try:
            return checkpoints.stored(step)
        except RunError as error:
            damage.append(str(error))
    raise RunError(
        f"{' '.join(damage)} There is no whole one; start the run again in its folder."
    )


def kept_from(vectors: Mapping[str, np.ndarray], model: Model, averaged: bool) -> Any:
    """The parameters to play with: the first floats of a state, or their average.

    Args:
        vectors: Of a checkpoint; the best state counts where it holds one.
    """
    size = sum(leaf.size for leaf in shapes(model)[0])
    found = (best_of(vectors) or vectors).get("float32", np.zeros(0, np.float32))
    floats = found[size:] if averaged else found
    if floats.size < size:
        raise RunError(
            f"The checkpoint holds {floats.size} numbers for a model of {size}."
        )
    return jax.tree.map(jnp.asarray, layers(model, floats[:size]))
