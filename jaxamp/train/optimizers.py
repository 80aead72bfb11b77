"""Optimizers of the field's recipes that Optax does not have by name."""

import optax


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
