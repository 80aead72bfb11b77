"""What XLA is asked for when it compiles a player."""

WIDE = {"xla_cpu_prefer_vector_width": 512}
"""Vectors as wide as a CPU has them; XLA stops at 256 bits by itself. With AVX-512, A1
standard: a block of 64 samples in 67 µs instead of 87, a file at 30 instead of 27 times
real time. Not for training: a step takes 522 ms instead of 319."""

LEARNING = {"xla_cpu_experimental_ynn_fusion_type": ""}
"""Sums and products by Eigen and XLA itself rather than by YNNPACK, which adds up along
the samples slowly."""
