"""Learning rates over a run that Optax does not have as one function."""

import optax

LARGEST_WARMUP = 0.1
"""Share of the run that the rise takes at most."""


def cosine(
    peak_value: float, decay_steps: int, warmup_steps: int = 20, end_value: float = 0.0
) -> optax.Schedule:
    """A short rise from zero, then down along half a cosine, for runs of any length.

    Args:
        decay_steps: Steps of the whole run, the rise included.
        warmup_steps: Steps of the rise; at most a tenth of the run.

    Source:
        Loshchilov & Hutter 2017, without restarts.
    """
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0 if warmup_steps else peak_value,
        peak_value=peak_value,
        warmup_steps=min(warmup_steps, int(LARGEST_WARMUP * decay_steps)),
        decay_steps=decay_steps,
        end_value=end_value,
    )
