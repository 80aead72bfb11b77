"""All parameters of a model end to end, which is how they are learned.

What an optimiser does to each number is then one loop over one vector instead of a
few loops over each of a hundred small arrays, every one of them compiled and started
by itself: for A1 nano, 1,170 compiled loops a step instead of 1,780.
"""

import functools
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxamp.core import Array, Model, Params
from jaxamp.layers.one_kernel import one_kernel


def vector(params: Params) -> Array:
    """Every number, in the order of the tree: `[n]`."""
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(params)])


def layers(model: Model, numbers: Array | np.ndarray) -> Params:
    """The inverse of `vector`: the parameters as the model wants them.

    NumPy numbers are cut without compiling anything.
    """
    cut = pieces if isinstance(numbers, np.ndarray) else pieces_at_once
    return jax.tree.unflatten(shapes(model)[1], cut(model, numbers))


def pieces(model: Model, numbers: Any) -> list[Any]:
    """Each parameter, in the order of the tree."""
    leaves, _ = shapes(model)
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1].tolist()
    split = np.split if isinstance(numbers, np.ndarray) else jnp.split
    parts = zip(split(numbers, ends), leaves, strict=True)
    return [part.reshape(leaf.shape) for part, leaf in parts]


def pieces_together(model: Model, numbers: Array) -> list[Array]:
    """The same as one kernel instead of a hundred, each compiled by itself."""
    if jax.default_backend() != "cpu":
        return pieces(model, numbers)
    return one_kernel(partial(pieces, model), numbers)


pieces_at_once = partial(jax.custom_vjp, nondiff_argnums=(0,))(pieces_together)
pieces_at_once.defvjp(
    lambda model, numbers: (pieces_together(model, numbers), None),
    lambda model, _, told: (vector(told),),
)


@functools.cache
def shapes(model: Model):
    """Shapes of a model's parameters, and the tree they make."""
    return jax.tree.flatten(jax.eval_shape(model.init, jax.random.key(0)))


def named(params: Params) -> dict[str, Any]:
    """Every parameter by its name, such as `layer_0.bias`."""
    return {name(path): leaf for path, leaf in jax.tree.leaves_with_path(params)}


def replaced(params: Params, others: Mapping[str, np.ndarray]) -> Params:
    """The parameters with those that are named put in the place of their own."""
    return jax.tree.map_with_path(
        lambda path, leaf: jnp.asarray(others.get(name(path), leaf)), params
    )


def name(path: Any) -> str:
    """A place in a tree of parameters, in words."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def layerwise(
    optimizer: optax.GradientTransformation, model: Model
) -> optax.GradientTransformation:
    """An optimiser of layers, such as Muon, as one of vectors."""

    def init(params: Any) -> Any:
        return optimizer.init(layers(model, params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        there = None if params is None else layers(model, params)
        moved, state = optimizer.update(layers(model, updates), state, there)
        return vector(moved), state

    return optax.GradientTransformation(init, update)
