"""Where a run goes on: each member's newest whole checkpoint, in step where possible.

A run may be killed between the checkpoint of one member and that of the next. Then
the newer one is made again, so that the members go on together, as they would have.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxamp.core import RunError
from jaxamp.train.checkpoint import LATEST_KEPT, Checkpoints, unpack
from jaxamp.train.progress import Plan, Progress, ended
from jaxamp.train.step import TrainState

Found = tuple[TrainState, Progress] | None


def take_up(
    folders: Sequence[Checkpoints],
    likes: Sequence[TrainState],
    plans: Sequence[Plan],
    warn: Callable[[str], None],
) -> list[Found]:
    """State and progress of each member, or None where it begins.

    Members that were left far apart stay so: one may have stopped for a reason that
    the plan no longer has. `fit` lets those behind catch up.

    Args:
        likes: The structure of each member's state.
        plans: When each member is done.
        warn: Told of each damaged checkpoint, which is set aside.
    """
    members = list(zip(folders, likes, strict=True))
    found = [newest(checkpoints, like, warn) for checkpoints, like in members]
    while True:
        going = [i for i, one in enumerate(found) if goes_on(one, plans[i])]
        steps = {made(found[i]) for i in going}
        common = set.intersection(*(near(folders[i]) for i in going)) if going else ()
        if len(steps) < 2 or not common:
            return found
        for i in going:
            for step in folders[i].steps():
                if step > max(common):
                    folders[i].discard(step)
            found[i] = newest(*members[i], warn)


def goes_on(found: Found, plan: Plan) -> bool:
    """Whether its plan has not yet ended for a member."""
    return found is None or ended(plan, found[1], interrupted=False) is None


def made(found: Found) -> int:
    """Steps made so far."""
    return 0 if found is None else found[1].step


def near(checkpoints: Checkpoints) -> set[int]:
    """The newest steps that can be gone back to, the beginning included."""
    return set([*checkpoints.steps(), 0][:LATEST_KEPT])


def remembered(record: Mapping[str, Any], step: int) -> Progress:
    """The progress that was saved with the checkpoint of a step.

    Raises:
        RunError: It is none, or another step's.
    """
    facts: Any = record.get("facts")
    known = {field.name for field in dataclasses.fields(Progress)}
    ours = isinstance(facts, dict) and all(
        are_warnings(value)
        if name == "warned"
        else value is None or isinstance(value, int | float)
        for name, value in facts.items()
    )
    if not ours or not known.issuperset(facts) or facts.get("step") != step:
        raise RunError(f"Checkpoint {step} is damaged: it remembers no step {step}.")
    return Progress(**facts)


def are_warnings(value: Any) -> bool:
    """Whether a value is what `Progress.warned` may hold."""
    return isinstance(value, list | tuple) and all(
        isinstance(one, list | tuple)
        and [type(part) for part in one] == [str, int, int]
        for one in value
    )


def newest(
    checkpoints: Checkpoints, like: TrainState, warn: Callable[[str], None]
) -> Found:
    """State and progress of the newest whole checkpoint, or None."""
    damage, found = [], None
    for step in checkpoints.steps():
        try:
            record, vectors = checkpoints.stored(step)
            found = unpack(vectors, like), remembered(record, step)
            break
        except RunError as error:
            place = checkpoints.set_aside(step)
            damage.append(f"{error} It is set aside in {place}.")
    if damage:
        rest = f"The run goes on from step {made(found)}."
        anew = "There is no other, so the run begins anew."
        warn(" ".join([*damage, rest if found else anew]))
    return found
