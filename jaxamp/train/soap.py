"""SOAP: Adam that looks along the axes in which a layer's gradients vary.

A weight matrix is turned into the eigenbasis of its gradients' second moments, rows
and columns each for themselves, moved there as Adam would, and turned back. Matrices
of one shape are turned together, which keeps the compiled step short.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxamp.core import Array, Params

LARGEST_SIDE = 512
"""A side of a matrix that is longer is not turned: its basis would cost too much."""

Shape = tuple[int, int]


class Basis(NamedTuple):
    """One side of all matrices of a shape; None where it is too long to be turned."""

    moment: Array | None
    """Average of what the gradients say of that side: `[n, d, d]`."""
    axes: Array | None
    """An orthogonal matrix whose columns approach the moment's eigenvectors."""


class Group(NamedTuple):
    """All matrices of one shape."""

    mean: Array
    """Average of the gradients, not turned: `[n, rows, columns]`."""
    square: Array
    """Average of the squared gradients, turned."""
    rows: Basis
    columns: Basis


class SoapState(NamedTuple):
    """What SOAP remembers."""

    count: Array
    groups: dict[str, Group]


def soap(
    learning_rate: Any,
    b1: float = 0.95,
    b2: float = 0.95,
    basis_decay: float = 0.95,
    refresh_every: int = 10,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> optax.GradientTransformation:
    """Adam in the slowly turning eigenbasis of Shampoo's preconditioner.

    The first step is Adam's. After it, and after every `refresh_every`-th, the bases
    follow the gradients by one step of orthogonal iteration. As one batch of members
    on an accelerator, they are looked at after every step, whose result is then used
    or not.

    Args:
        basis_decay: Of the average of the gradients' second moments.
        refresh_every: Steps from one look at the bases to the next.
        weight_decay: Decoupled, times the learning rate.

    Raises:
        ValueError: `refresh_every` is no whole number of 1 or more.

    Source:
        Vyas et al. 2024, "SOAP: Improving and Stabilizing Shampoo using Adam",
        algorithm 3, begun from the identity instead of the first gradient's
        eigenvectors; biases and other vectors are matrices of one column.
    """
    if not (isinstance(refresh_every, int) and refresh_every >= 1):
        raise ValueError(f"refresh_every={refresh_every!r} must be 1 or more steps.")

    def init(params: Any) -> SoapState:
        groups = {
            name(shape): begun(len(members), shape)
            for shape, members in grouped(params).items()
        }
        return SoapState(jnp.zeros((), jnp.int32), groups)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SoapState]:
        del params
        leaves, tree = jax.tree.flatten(updates)
        count = state.count + 1
        refresh = (count == 1) | (count % refresh_every == 0)
        moved, groups = list(leaves), {}
        for shape, members in grouped(updates).items():
            gradients = jnp.stack([leaves[i].reshape(shape) for i in members])
            group = state.groups[name(shape)]
            mean = mixed(group.mean, gradients, b1)
            square = mixed(group.square, turned(group, gradients) ** 2, b2)
            size = jnp.sqrt(square / (1 - b2**count)) + eps
            step = turned(group, mean / (1 - b1**count)) / size
            for i, one in zip(members, turned(group, step, back=True), strict=True):
                moved[i] = one.reshape(leaves[i].shape)
            groups[name(shape)] = Group(
                mean,
                square,
                followed(group.rows, gradients, basis_decay, refresh),
                followed(group.columns, gradients.mT, basis_decay, refresh),
            )
        return jax.tree.unflatten(tree, moved), SoapState(count, groups)

    return optax.chain(
        optax.GradientTransformation(init, update),
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_learning_rate(learning_rate),
    )


def grouped(tree: Params) -> dict[Shape, list[int]]:
    """The leaves of each shape, as matrices: outputs by whatever makes one."""
    groups: dict[Shape, list[int]] = {}
    for i, leaf in enumerate(jax.tree.leaves(tree)):
        rows = leaf.shape[0] if leaf.ndim else 1
        groups.setdefault((rows, leaf.size // rows), []).append(i)
    return groups


def name(shape: Shape) -> str:
    """What a group is called in a checkpoint."""
    return f"{shape[0]}x{shape[1]}"


def begun(members: int, shape: Shape) -> Group:
    """A group that has seen nothing."""
    zeros = jnp.zeros((members, *shape), jnp.float32)
    matrix = shape[1] > 1
    sides = [
        Basis(
            jnp.zeros((members, side, side), jnp.float32),
            jnp.tile(jnp.eye(side, dtype=jnp.float32), (members, 1, 1)),
        )
        if matrix and 1 < side <= LARGEST_SIDE
        else Basis(None, None)
        for side in shape
    ]
    return Group(zeros, jnp.copy(zeros), *sides)


def mixed(average: Array, new: Array, decay: float) -> Array:
    """The moving average with one more."""
    return decay * average + (1 - decay) * new


def followed(basis: Basis, gradients: Array, decay: float, refresh: Array) -> Basis:
    """The basis of the rows of matrices after more gradients `[n, d, other side]`."""
    if basis.moment is None or basis.axes is None:
        return basis
    moment = mixed(basis.moment, gradients @ gradients.mT, decay)
    axes = basis.axes
    axes = jax.lax.cond(refresh, lambda: jnp.linalg.qr(moment @ axes)[0], lambda: axes)
    return Basis(moment, axes)


def turned(group: Group, matrices: Array, back: bool = False) -> Array:
    """Matrices `[n, rows, columns]` in the group's bases, or back from there."""
    rows, columns = group.rows.axes, group.columns.axes
    if rows is not None:
        matrices = (rows if back else rows.mT) @ matrices
    if columns is not None:
        matrices = matrices @ (columns.mT if back else columns)
    return matrices
