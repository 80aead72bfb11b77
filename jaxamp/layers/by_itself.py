"""Functions that XLA compiles by themselves, apart from what surrounds them."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import jax
from jax.experimental.xla_metadata import set_xla_metadata

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def by_itself(
    function: Callable[Arguments, Result], *, static: int | None = None
) -> Callable[Arguments, Result]:
    """The function, compiled as a call that XLA does not dissolve on a CPU.

    What goes in and comes out is then written to memory, once. Otherwise XLA joins
    whatever computes an argument with whatever reads it: a convolution reads the
    sum of all layers below, and would add it up anew, number by number, for each of
    its taps. An `optimization_barrier` is gone before that happens.

    Args:
        static: The number of the argument that is no array, if there is one.
    """
    compiled = partial(jax.jit, static_argnums=static)(function)

    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if jax.default_backend() != "cpu":
            return function(*args, **kwargs)
        with set_xla_metadata(inlineable="false"):
            return compiled(*args, **kwargs)

    return call
