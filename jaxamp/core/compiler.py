"""What XLA is asked for when it compiles, and how many programs a process keeps."""

from pathlib import Path

WIDE = {"xla_cpu_prefer_vector_width": 512}
"""Vectors as wide as a CPU has them; XLA stops at 256 bits by itself. With AVX-512, A1
standard: a block of 64 samples in 67 µs instead of 87, a file at 30 instead of 27 times
real time. Not for training: a step takes 522 ms instead of 319."""

LEARNING = {"xla_cpu_experimental_ynn_fusion_type": ""}
"""Sums and products by Eigen and XLA itself rather than by YNNPACK, which adds up along
the samples slowly."""

ONE_KERNEL = WIDE | LEARNING
"""The same for programs with one kernel, which YNNPACK cannot be a part of: see
`jaxamp.layers.one_kernel`."""

MAPPINGS = Path("/proc/self/maps")
MANY_MAPPINGS = 30_000
"""Half of what Linux allows a process by default."""


def forget_old_programs() -> None:
    """Lets go of compiled programs before they hold too many memory mappings.

    A process that has trained some dozens of models needs more than Linux grants one,
    and XLA then aborts. What is needed again comes from the compile cache.
    """
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MANY_MAPPINGS:
        import jax  # noqa: PLC0415 (slow to import)

        jax.clear_caches()
