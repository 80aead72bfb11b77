"""How fast can these cores multiply and copy at all?

A large float32 matrix product and a large copy, by JAX and by NumPy. Other programs
print their distance to the better of the two.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np

MATMUL_SIDE = 2048
COPY_FLOATS = 64 * 2**20
DEVICE_MATMUL_SIDE = 8192
DEVICE_COPY_FLOATS = 512 * 2**20
REPEATS = 5


def main():
    import program  # noqa: PLC0415 (it is imported by programs that import this)

    with program.run(
        "limits", __doc__, cores=2, cases=tuple(MEASURED), headline="best"
    ) as bench:
        for case in bench.cases:
            rates = MEASURED[case]()
            unit = "GFLOP/s" if case == "matmul" else "GB/s"
            bench.add(case=case, unit=unit, **rates, best=max(rates.values()))
        bench.note("A copy counts the bytes read and the bytes written.")


def measured():
    """The better library's rate of each."""
    return {
        "matmul GFLOP/s": max(matmul().values()),
        "copy GB/s": max(copy().values()),
    }


def on_device():
    """What JAX reaches, on a device that NumPy cannot use."""
    return {
        "matmul GFLOP/s": matmul(DEVICE_MATMUL_SIDE)["jax"],
        "copy GB/s": copy(DEVICE_COPY_FLOATS)["jax"],
    }


def matmul(side=MATMUL_SIDE):
    """Rates of a square matrix product, GFLOP/s."""
    a, b = np.random.default_rng(0).normal(size=(2, side, side))
    a, b = a.astype(np.float32), b.astype(np.float32)
    operations = 2 * side**3 / 1e9
    highest = jax.jit(lambda a, b: jnp.dot(a, b, precision=jax.lax.Precision.HIGHEST))
    there = jnp.asarray(a), jnp.asarray(b)
    return {
        "jax": operations / seconds(lambda: jax.block_until_ready(highest(*there))),
        "numpy": operations / seconds(lambda: a @ b),
    }


def copy(size=COPY_FLOATS):
    """Rates of copying much more than any cache holds, GB/s."""
    a = np.ones(size, np.float32)
    target = np.empty_like(a)
    moved = 2 * a.nbytes / 1e9
    negate = jax.jit(lambda a: -a, donate_argnums=0)  # a mere copy would be elided
    there = jnp.array(a)

    def turn():
        nonlocal there
        there = jax.block_until_ready(negate(there))

    return {
        "jax": moved / seconds(turn),
        "numpy": moved / seconds(lambda: np.copyto(target, a)),
    }


def seconds(work):
    """The shortest time of doing it: a limit is what can be reached."""
    times = []
    for _ in range(1 + REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times[1:])


MEASURED = {"matmul": matmul, "copy": copy}

if __name__ == "__main__":
    main()
