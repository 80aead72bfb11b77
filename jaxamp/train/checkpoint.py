"""Keeps the latest state of a run and the best one, and knows a damaged file.

A state is saved as one vector for each kind of number, because a checkpoint costs
time for every leaf, and with a checksum of each, because a flipped byte in stored
arrays is otherwise loaded without a word.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from jaxamp.core import Model, RunError
from jaxamp.train.flat import layers, shapes
from jaxamp.train.step import TrainState

LATEST_KEPT = 2
"""Newest checkpoints kept, so that a damaged one has a predecessor."""


class Checkpoints:
    """The `checkpoints/` folder of a run."""

    def __init__(self, folder: Path, *, read_only: bool = False):
        best: Any = rank  # a pair orders as well as the number Orbax asks for
        kept = policies.AnyPreservationPolicy(
            [
                policies.LatestN(LATEST_KEPT),
                policies.BestN(
                    get_metric_fn=best, n=1, keep_checkpoints_without_metrics=False
                ),
            ]
        )
        self.folder = folder
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
        self.manager = ocp.CheckpointManager(
            folder.absolute(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=kept,
                best_fn=best,  # without it, Orbax stores no metrics at all
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
        esr: float | None = None,
    ) -> None:
        """Writes a whole checkpoint, or nothing.

        Args:
            facts: JSON-able memory of the run outside the compiled state.
            esr: Validation ESR of this very state, where it was measured.
        """
        vectors = pack(state)
        record = {
            "facts": dict(facts),
            "architecture": model.architecture,
            "hyperparameters": dict(model.hyperparameters),
            "target_gain": target_gain,
            "averaged": state.average is not None,
            "crc32": checksums(vectors),
        }
        self.manager.save(
            int(state.step),
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(vectors),
                record=ocp.args.JsonSave(record),
            ),
            metrics=None if esr is None else {"esr": esr, "step": int(state.step)},
            force=True,
        )

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, newest first."""
        return sorted(self.manager.all_steps(), reverse=True)

    def best_step(self) -> int | None:
        """The step with the lowest validation ESR, if any was measured."""
        return self.manager.best_step()

    def restore(self, step: int, like: TrainState) -> TrainState:
        """The state of a step, in the structure of `like`.

        Raises:
            RunError: The stored numbers are not those that were saved.
        """
        return unpack(self.stored(step)[1], like)

    def stored(self, step: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What was written beside the arrays of a step, and the arrays."""
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore(), record=ocp.args.JsonRestore()
        )
        try:
            restored = self.manager.restore(step, args=args)
            vectors = {name: np.asarray(v) for name, v in restored["state"].items()}
            if checksums(vectors) != restored["record"]["crc32"]:
                raise ValueError("its checksum is wrong")
        except (ValueError, KeyError, OSError, TypeError) as error:
            raise RunError(
                f"Checkpoint {step} in {self.folder} is damaged: {error}. Start the "
                "run again in its folder to go on from an earlier one."
            ) from error
        return restored["record"], vectors

    def discard(self, step: int) -> None:
        """Deletes a damaged checkpoint, so that its step can be saved anew."""
        self.manager.delete(step)

    def close(self) -> None:
        """Waits for what is still being written."""
        self.manager.close()


def by_this_process() -> ocp.options.MultiprocessingOptions:
    """Has Orbax wait for no other process: of a run's processes, one has its files."""
    here = jax.process_index()
    return ocp.options.MultiprocessingOptions(
        primary_host=here, active_processes={here}, barrier_sync_key_prefix=f"at{here}"
    )


def rank(metrics: Mapping[str, float]) -> tuple[float, float]:
    """Higher is better: the lower ESR, of equal ones the earlier; NaN is last."""
    esr = metrics["esr"]
    return (-np.inf if np.isnan(esr) else -esr), -metrics["step"]


def pack(state: Any) -> dict[str, np.ndarray]:
    """Every leaf, end to end, in one vector for each kind of number."""
    kinds: dict[str, list[np.ndarray]] = {}
    for leaf in jax.tree.leaves(jax.device_get(state)):
        kinds.setdefault(str(leaf.dtype), []).append(np.ravel(leaf))
    return {name: np.concatenate(leaves) for name, leaves in kinds.items()}


def checksums(vectors: Mapping[str, np.ndarray]) -> dict[str, int]:
    """What a flipped byte cannot keep."""
    return {name: zlib.crc32(vector.tobytes()) for name, vector in vectors.items()}


def unpack(vectors: Mapping[str, np.ndarray], like: Any) -> Any:
    """The inverse of `pack`, for a state of the structure of `like`."""
    used = dict.fromkeys(vectors, 0)

    def take(leaf: jax.Array) -> jax.Array:
        name = str(leaf.dtype)
        start = used[name]
        used[name] += leaf.size
        return jnp.asarray(vectors[name][start : used[name]]).reshape(leaf.shape)

    return jax.tree.map(take, like)


def load_best(folder: Path) -> tuple[dict[str, Any], Any]:
    """The record and the vectors' parameters of the best checkpoint in a folder.

    Falls back on the newest where nothing was validated yet.

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
        best = checkpoints.best_step()
        return checkpoints.stored(steps[0] if best is None else best)
    finally:
        checkpoints.close()


def kept_from(vectors: Mapping[str, np.ndarray], model: Model, averaged: bool) -> Any:
    """The parameters to play with: the first floats of a state, or their average."""
    size = sum(leaf.size for leaf in shapes(model)[0])
    floats = vectors["float32"][size:] if averaged else vectors["float32"]
    if floats.size < size:
        raise RunError(
            f"The checkpoint holds {floats.size} numbers for a model of {size}."
        )
    return jax.tree.map(jnp.asarray, layers(model, floats[:size]))
