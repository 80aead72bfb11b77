"""What is one kernel answers as its parts do, and what cannot be one is told apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.core.compiler import ONE_KERNEL
from jaxamp.layers.one_kernel import fits_one_kernel, in_one_kernel, one_kernel

X = np.random.default_rng(0).normal(size=(1, 3, 40)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(np.float32)
ON_CPU = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="kernels of one piece are for CPUs"
)


def filtered(x, weight):
    return jnp.tanh(jax.lax.conv_general_dilated(x, weight, (1,), "VALID"))


def compiled(function, *args):
    return jax.jit(function, compiler_options=ONE_KERNEL).lower(*args).compile()


@ON_CPU
def test_a_function_in_one_kernel_answers_the_same():
    def program(x, weight):
        return one_kernel(filtered, x, weight)

    found = compiled(program, X, WEIGHT)
    assert str(found.as_text()).count("to_apply=%kernel") == 1
    np.testing.assert_allclose(found(X, WEIGHT), filtered(X, WEIGHT), atol=1e-6)


@ON_CPU
def test_arguments_that_are_not_read_are_allowed():
    @jax.jit
    def second(unread, x):
        return {"twice": 2 * x, "empty": jnp.zeros((0, 2))}

    def function(given):
        return second(given["unread"], given["x"]) | {"handed": given["handed"]}

    given = {
        "x": X,
        "unread": X + 1,
        "empty": np.zeros((0, 3), np.float32),
        "handed": np.uint32(7),
    }
    found = compiled(lambda given: one_kernel(function, given), given)(given)
    np.testing.assert_array_equal(found["twice"], 2 * X)
    assert found["empty"].shape == (0, 2)
    assert found["handed"] == 7


@ON_CPU
def test_loops_may_be_part_of_it():
    def summed(x):
        return jax.lax.scan(lambda total, row: (total + row, total), x[0, 0], x[0])

    total, before = compiled(lambda x: one_kernel(summed, x), X)(X)
    np.testing.assert_allclose(total, X[0, 0] + X[0].sum(0), atol=1e-5)
    assert before.shape == (3, 40)


@ON_CPU
def test_everything_known_works_within_a_kernel():
    def function(x):
        a, b = jnp.split(jnp.abs(x) + 0.5, 2, axis=2)
        c = jnp.where((a >= b) | ~(a <= 1) | (a == 2), jnp.sign(b), jnp.log(a))
        d = jnp.clip(c, -0.5, 0.5) ** 3 + a**b + jax.lax.rem(a, b)
        e = jnp.stack([jnp.flip(d, 2), jax.lax.rsqrt(a)], axis=1)
        return jnp.pad(jnp.where(e != 0, e, 1), ((0, 0), (0, 0), (0, 0), (1, 2)))

    assert fits_one_kernel(function, X)
    found = compiled(lambda x: one_kernel(function, x), X)(X)
    np.testing.assert_allclose(found, function(X), rtol=1e-4, atol=1e-6)


MATRIX = np.ones((40, 5), np.float32)
MANY = np.ones((13, 12, 1), np.float32)
FITS = {
    "a short convolution of many channels": (
        lambda x, weight: filtered(x[:, :, :128], weight),
        (np.ones((1, 12, 129), np.float32), MANY),
    ),
    "a long convolution of few channels": (
        filtered,
        (np.ones((1, 12, 129), np.float32), MANY[:12]),
    ),
    "a vector times a matrix": (jnp.dot, (X[0, :1], MATRIX)),
    "a column times a row": (jnp.dot, (MATRIX[:, :1], MATRIX[:1])),
}
REFUSED = {
    "a spectrum": (jnp.fft.rfft, (X,)),
    "a spectrum in a loop": (
        lambda x: jax.lax.map(lambda row: jnp.fft.irfft(jnp.fft.rfft(row)), x[0]),
        (X,),
    ),
    "a product of matrices": (jnp.dot, (X[0], MATRIX)),
    "products of matrices side by side": (
        lambda x: jnp.einsum("bij,bkj->bik", x, x),
        (X,),
    ),
    "a long convolution of many channels": (
        filtered,
        (np.ones((1, 12, 129), np.float32), MANY),
    ),
}


@ON_CPU
@pytest.mark.parametrize("name", FITS)
def test_fits(name):
    function, args = FITS[name]
    assert fits_one_kernel(function, *args)
    found = compiled(lambda *args: one_kernel(function, *args), *args)(*args)
    np.testing.assert_allclose(found, function(*args), rtol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_does_not_fit(name):
    function, args = REFUSED[name]
    assert not fits_one_kernel(function, *args)


def test_layers_are_told_what_they_are_traced_for():
    told = []
    fits_one_kernel(lambda x: (told.append(in_one_kernel()), x)[1], X)
    assert not in_one_kernel()
    if jax.default_backend() == "cpu":
        assert told == [True]

    def fails(x):
        raise ValueError(x)

    with pytest.raises(ValueError, match="Tracer"):
        one_kernel(fails, X)
    assert not in_one_kernel()
