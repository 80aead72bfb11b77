"""How exactly the accelerator multiplies."""

from typing import Any

import jax

EXACT = jax.lax.Precision.HIGHEST


def precision() -> jax.lax.Precision | None:
    """Full float32 on every backend, unless JAX is told otherwise.

    Recent GPUs and TPUs shorten the factors of a float32 product by themselves, which
    a player does not. `jax.default_matmul_precision("tensorfloat32")`, or JAX's setting
    of that name, allows it here too.
    """
    allowed: Any = jax.config  # its names are made at run time
    return EXACT if allowed.jax_default_matmul_precision is None else None
