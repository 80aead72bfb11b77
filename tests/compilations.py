"""Counts how often training steps are compiled."""

import logging


class Compilations(logging.Handler):
    """Hears it from JAX, where `jax_log_compiles` is on, of whichever thread."""

    count = 0

    def emit(self, record):
        said = record.getMessage()
        self.count += "Finished XLA compilation of jit(several_steps)" in said
