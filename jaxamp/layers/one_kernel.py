"""Functions that XLA compiles for a CPU as one piece of machine code.

Otherwise each operation is a kernel of its own, and XLA's interpreter, which calls one
after the other and hands some to other threads, takes longer than the work in a short
block: 64 samples took A1 nano 71 µs, and 26 in one kernel; A1 standard 101 and 66;
LSTM 1x40 49 and 36. In one kernel there is no library: a product of two large matrices,
or a convolution of many channels over many samples, is faster outside.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

NOTED = {"inlineable": "false", "xla_cpu_small_call": "true"}
"""What XLA itself notes on a call to make one kernel of it, as of small loops."""

FEW_SAMPLES = 128
"""Samples for which any convolution is faster in one kernel."""

FEW_PAIRS = 144
"""Pairs of channels up to which a convolution of many samples is, too."""

KNOWN = frozenset({
    "abs", "add", "and", "broadcast_in_dim", "clamp", "concatenate",
    "conv_general_dilated", "convert_element_type", "custom_jvp_call",
    "custom_vjp_call", "div", "dot_general", "dynamic_slice", "dynamic_update_slice",
    "eq", "exp", "ge", "gt", "integer_pow", "jit", "le", "log", "logistic", "lt", "max",
    "min", "mul", "ne", "neg", "not", "or", "pad", "pow", "reduce_sum", "rem",
    "reshape", "rev", "rsqrt", "scan", "select_n", "sign", "slice", "split", "sqrt",
    "square", "squeeze", "stack", "sub", "tanh", "transpose",
})  # fmt: skip
"""Operations that XLA has machine code of its own for; others may be library calls."""

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def in_one_kernel() -> bool:
    """Whether what is being traced is to be one kernel."""
    return _inside.get()


def one_kernel(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, as one kernel of the program that is being traced.

    The program needs the options `core.compiler.ONE_KERNEL`, and the function must be
    one that `fits_one_kernel`: XLA ends the process over some that do not.
    """
    leaves = jax.tree.leaves(args)
    traced, shape = traced_inside(function, *args)
    # XLA aborts where a kernel is given something that it does not read.
    read = [
        matters and jnp.size(leaf) > 0
        for matters, leaf in zip(used(traced), leaves, strict=True)
    ]

    def kernel(*given: Any) -> list[Any]:
        rest = iter(given)
        return jaxpr_as_fun(traced)(
            *(
                next(rest) if is_read else jnp.zeros(leaf.shape, leaf.dtype)
                for leaf, is_read in zip(leaves, read, strict=True)
            )
        )

    given = [leaf for leaf, is_read in zip(leaves, read, strict=True) if is_read]
    answers: Any = set_xla_metadata(jax.jit(kernel)(*given), **NOTED)
    return jax.tree.unflatten(jax.tree.structure(shape), answers)


def fits_one_kernel(function: Callable[..., Any], *args: Any) -> bool:
    """Whether all that a function of these arguments, or their shapes, does fits.

    It must be for a CPU, call no library, and not be faster in parts.
    """
    return jax.default_backend() == "cpu" and suits(traced_inside(function, *args)[0])


def traced_inside(function: Callable[..., Any], *args: Any) -> tuple[ClosedJaxpr, Any]:
    """What a function does in a kernel to the arguments' leaves, and its answer."""
    leaves, tree = jax.tree.flatten(args)
    entered = _inside.set(True)
    try:
        return jax.make_jaxpr(
            lambda *leaves: function(*jax.tree.unflatten(tree, leaves)),
            return_shape=True,
        )(*leaves)
    finally:
        _inside.reset(entered)


def suits(traced: ClosedJaxpr) -> bool:
    """Whether everything that a function does is well done within a kernel."""
    return all(
        equation.primitive.name in KNOWN
        and not (equation.primitive.name == "dot_general" and is_large(equation))
        and not (
            equation.primitive.name == "conv_general_dilated" and is_wide(equation)
        )
        and all(suits(inner) for inner in inside(equation))
        for equation in traced.jaxpr.eqns
    )


def is_large(dot: Any) -> bool:
    """Whether a product is one of two matrices, and not of a matrix and a vector."""
    left, right = (variable.aval for variable in dot.invars)
    (along, _), (side_by_side, _) = dot.params["dimension_numbers"]
    summed = prod(left.shape[axis] for axis in along)
    shared = prod(left.shape[axis] for axis in side_by_side) * summed
    return min(summed, left.size // shared, right.size // shared) > 1


def is_wide(convolution: Any) -> bool:
    """Whether a convolution has many samples and many pairs of channels."""
    weight, answer = convolution.invars[1].aval, convolution.outvars[0].aval
    outputs, inputs, _ = weight.shape
    samples = answer.size // outputs
    return samples > FEW_SAMPLES and outputs * inputs > FEW_PAIRS


def inside(equation: Any) -> Iterator[ClosedJaxpr]:
    """The functions that an operation calls."""
    for value in equation.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(part, ClosedJaxpr):
                yield part
            elif hasattr(part, "eqns"):
                yield ClosedJaxpr(part, ())


def used(traced: ClosedJaxpr) -> list[bool]:
    """Which arguments of a function matter to what comes out."""
    matter = set(filter(is_variable, traced.jaxpr.outvars))
    for equation in reversed(traced.jaxpr.eqns):
        if matter.isdisjoint(equation.outvars):
            continue
        read = [True] * len(equation.invars)
        if equation.primitive.name == "jit":
            read = used(next(inside(equation)))
        matter.update(
            variable
            for variable, is_read in zip(equation.invars, read, strict=True)
            if is_read and is_variable(variable)
        )
    return [variable in matter for variable in traced.jaxpr.invars]


def is_variable(atom: Any) -> bool:
    """Whether it is computed, and no number."""
    return not isinstance(atom, Literal)
