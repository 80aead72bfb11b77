"""Optimizers that wait for their learning rate, and those that Optax does not name."""

import dataclasses
from collections.abc import Callable
from typing import Any

import optax


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """learning rate -> an optimiser with that rate.

    Two of the same function and the same options are equal, so that what was compiled
    with one serves the other.
    """

    function: Callable[..., optax.GradientTransformation]
    options: tuple[tuple[str, Any], ...] = ()
    clip_norm: float | None = None
    """Largest norm of the gradient, or None."""

    @property
    def elementwise(self) -> bool:
        """Whether each number is moved for itself, whatever layer it belongs to."""
        return self.function in ELEMENTWISE and not dict(self.options).get("mask")

    def __call__(self, learning_rate: Any) -> optax.GradientTransformation:
        inner = self.function(learning_rate=learning_rate, **dict(self.options))
        if self.clip_norm is None:
            return inner
        return optax.chain(optax.clip_by_global_norm(self.clip_norm), inner)


def adam_l2(
    learning_rate: optax.ScalarOrSchedule,
    weight_decay: float = 0.0,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> optax.GradientTransformation:
    """Adam with the weight decay added to the gradient, before the moments.

    `optax.adamw` decays after the moments; the A2 recipe decays before them.

    Source:
        Kingma & Ba 2015; the L2 form of Loshchilov & Hutter 2019, algorithm 2.
    """
    return optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.adam(learning_rate, b1=b1, b2=b2, eps=eps),
    )


ELEMENTWISE = frozenset(
    {
        adam_l2, optax.adabelief, optax.adagrad, optax.adam, optax.adamax,
        optax.adamaxw, optax.adamw, optax.amsgrad, optax.lion, optax.nadam,
        optax.nadamw, optax.radam, optax.rmsprop, optax.sgd, optax.yogi,
    }
)  # fmt: skip
"""Optimisers that may be given all parameters end to end; others see the layers."""
