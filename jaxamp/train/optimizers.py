"""Optimizers that wait for their learning rate, and those that Optax does not name."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
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


def muon(
    learning_rate: optax.ScalarOrSchedule,
    beta: float = 0.95,
    weight_decay: float = 0.0,
    b1: float = 0.9,
    b2: float = 0.999,
) -> optax.GradientTransformation:
    """Muon for weights, each as a matrix of its outputs; NAdam for biases.

    `optax.contrib.muon` leaves kernels of three axes to Adam. The RMS of a step of a
    kernel is about a fifth of the learning rate.

    Args:
        weight_decay: Of kernels, not of biases.

    Source:
        Jordan et al. 2024; the scale of Liu et al. 2025, section 2.2.
    """
    return optax.contrib.muon(
        learning_rate,
        beta=beta,
        weight_decay=weight_decay,
        adam_b1=b1,
        adam_b2=b2,
        muon_weight_dimension_numbers=output_first,
        consistent_rms=0.2,
    )


def output_first(params: Any) -> Any:
    """How Muon may see each array as a matrix; None where it is none."""

    def axes(array: Any) -> optax.contrib.MuonDimensionNumbers | None:
        if array.ndim < 2:
            return None
        return optax.contrib.MuonDimensionNumbers(tuple(range(1, array.ndim)), 0)

    return jax.tree.map(axes, params)


ELEMENTWISE = frozenset(
    {
        adam_l2, optax.adabelief, optax.adagrad, optax.adam, optax.adamax,
        optax.adamaxw, optax.adamw, optax.amsgrad, optax.lion, optax.nadam,
        optax.nadamw, optax.radam, optax.rmsprop, optax.sgd, optax.yogi,
    }
)  # fmt: skip
"""Optimisers that may be given all parameters end to end; others see the layers."""
