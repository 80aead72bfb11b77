"""Losses by name, and their weighted sum as a configuration spells it.

To add a loss, write the function and enter it in `LOSSES`.
"""

import dataclasses
import difflib
import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from jaxamp.core import Array, ConfigError, Loss
from jaxamp.losses.samples import dc, esr, log_cosh, mae, mse
from jaxamp.losses.spectral import mrstft, stft

LOSSES: Mapping[str, Callable[..., Array]] = {
    "mse": mse,
    "mae": mae,
    "log_cosh": log_cosh,
    "esr": esr,
    "dc": dc,
    "stft": stft,
    "mrstft": mrstft,
}


@dataclasses.dataclass(frozen=True)
class Term:
    """One loss among others, and how much it counts."""

    name: str
    weight: float
    loss: Loss


@dataclasses.dataclass(frozen=True)
class WeightedSum:
    """A loss made of losses: each term times its weight, added up.

    Weights can be handed in, `[terms]`, so that one compiled program serves others.
    """

    terms: tuple[Term, ...]

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each term counts."""
        return tuple(term.weight for term in self.terms)

    def __call__(
        self, prediction: Array, target: Array, weights: Array | None = None
    ) -> Array:
        counts = self.weights if weights is None else weights
        parts = [
            count * term.loss(prediction, target)
            for count, term in zip(counts, self.terms, strict=True)
        ]
        return functools.reduce(operator.add, parts)


def weighted_sum(terms: Mapping[str, Mapping[str, Any]]) -> WeightedSum:
    """Adds up losses, each a name with its weight and its options.

    `{"mse": {"weight": 1.0}, "mrstft": {"weight": 2e-4, "pre_emphasis": 0.85}}`.
    To use one loss twice, choose names freely and say `loss: mrstft` in each.

    Raises:
        ConfigError: No terms, an unknown loss or option, or a weight that is no
            number.
    """
    if not terms:
        raise ConfigError(
            "The loss has no terms, so there is nothing to learn from. Add at least "
            "one, for example loss.terms.mse.weight=1."
        )
    return WeightedSum(tuple(_term(name, dict(o)) for name, o in terms.items()))


def _term(name: str, options: dict[str, Any]) -> Term:
    loss = options.pop("loss", name)
    if loss not in LOSSES:
        raise ConfigError(
            f"loss.terms.{name} asks for the loss '{loss}', which does not exist. "
            f"{_choices(loss, LOSSES)}"
        )
    weight = options.pop("weight", None)
    if not isinstance(weight, int | float) or isinstance(weight, bool):
        raise ConfigError(
            f"loss.terms.{name}.weight is {weight!r}, and must be a number: how much "
            "this loss counts against the others."
        )
    known = [*inspect.signature(LOSSES[loss]).parameters][2:]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"loss.terms.{name}.{option} is no option of the loss '{loss}'. "
                f"{_choices(option, ['weight', *known])}"
            )
    return Term(name, float(weight), partial(LOSSES[loss], **options))


def _choices(given: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(given, known, n=1)
    guess = f"Did you mean '{nearest[0]}'? " if nearest else ""
    return f"{guess}Known: {', '.join(known)}."
