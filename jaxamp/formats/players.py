"""Players that play one recurrent layer of a few sizes, and what they refuse.

A refusal names every reason at once, and the nearest model that would be played.
"""

import dataclasses
from collections.abc import Sequence

from jaxamp.core import FormatError, Model
from jaxamp.models import recurrent

BAKE = "export one setting with --knob"
"""What is possible for every player; the knobs then stand still."""


@dataclasses.dataclass(frozen=True)
class Player:
    """What one player plays."""

    name: str
    cells: tuple[str, ...]
    sizes: tuple[int, ...]
    """Hidden sizes."""
    skips: tuple[float, ...]
    """Shares of the guitar that it can add to the output; empty for any above 0."""
    sample_rate: int | None
    """Hz; None for any."""
    inputs: int = 3
    """At most, the guitar included."""


def refuse_unplayable(player: Player, model: Model) -> None:
    """Raises FormatError with every reason, and with what to train instead."""
    problems = [*unlike(player, model), *other_rate(player, model)]
    if problems:
        raise FormatError(
            f"{player.name} cannot play this {model.architecture}: "
            f"{'; '.join(problems)}. The nearest that it plays: "
            f"{nearest(player, model)}."
        )


def unlike(player: Player, model: Model) -> list[str]:
    """What is wrong with the shape."""
    if model.architecture not in ("LSTM", "GRU"):
        return [f"it plays {' and '.join(player.cells)} and nothing else"]
    problems, options = [], model.hyperparameters
    if model.architecture not in player.cells:
        problems.append(f"it plays {' and '.join(player.cells)} only")
    if len(options["hidden"]) > 1:
        layers = len(options["hidden"])
        problems.append(f"it plays one recurrent layer, and this model has {layers}")
    elif options["hidden"][0] not in player.sizes:
        size = options["hidden"][0]
        problems.append(f"hidden size {size} is not {listed(player.sizes)}")
    if not options["head"]:
        problems.append("its last layer is the output, and the player expects a head")
    if 1 + len(model.controls) > player.inputs:
        most = player.inputs - 1
        problems.append(
            f"it has {len(model.controls)} knobs, at most {most} are heard ({BAKE})"
        )
    if "conditioning" in options:
        problems.append(not_inputs(model))
    return [*problems, *other_skip(player, options["skip"])]


def not_inputs(model: Model) -> str:
    """What can be done with knobs that turn a model's layers."""
    kind = model.hyperparameters["conditioning"]["kind"]
    return (
        f"its knobs turn its layers by {kind}, for which the format has no words "
        f"(train it with conditioning=concat to have them live, or {BAKE})"
    )


def other_skip(player: Player, skip: float) -> list[str]:
    """What is wrong with how much of the guitar is added to the output."""
    if skip in player.skips or (not player.skips and skip >= 0):
        return []
    if not player.skips:
        return ["it takes the guitar away from the output, and players only add it"]
    if player.skips == (1.0,) and not skip:
        return ["the player adds the guitar to the output, and this model does not"]
    return [
        f"it adds {skip:g} times the guitar to the output, and the player "
        f"{listed(player.skips)} times (train without data.normalize_dbfs)"
    ]


def other_rate(player: Player, model: Model) -> list[str]:
    """What is wrong with the sample rate: played at another, every filter moves."""
    if player.sample_rate in (None, model.sample_rate):
        return []
    return [
        f"it was learned at {model.sample_rate} Hz and is played at "
        f"{player.sample_rate} Hz, where it would sound wrong (bring the recordings "
        f"to {player.sample_rate} Hz and train again)"
    ]


def nearest(player: Player, model: Model) -> str:
    """The playable model of the same cell that costs about as much, as overrides."""
    cell = model.architecture if model.architecture in player.cells else "LSTM"
    skip = bool(model.hyperparameters.get("skip", False))
    if skip not in player.skips and player.skips:
        skip = bool(player.skips[0])

    def distance(size: int) -> int:
        costs = recurrent(cell=cell, hidden=[size]).macs_per_sample
        return abs(costs - model.macs_per_sample)

    size = min(reversed(player.sizes), key=distance)
    rate = f" at {player.sample_rate} Hz" if player.sample_rate else ""
    return (
        f"one {cell} layer of {size}{rate} (model={cell.lower()}/1x16 "
        f"model.hidden=[{size}] model.skip={str(skip).lower()})"
    )


def listed(values: Sequence[float]) -> str:
    """'8, 12 or 16'"""
    texts = [f"{value:g}" for value in values]
    return " or ".join([part for part in (", ".join(texts[:-1]), texts[-1]) if part])
