"""Small models and recordings, quick to compile, for tests of what is around them."""

import jax.numpy as jnp
import numpy as np
import optax

from jaxamp.core import Capture
from jaxamp.losses import weighted_sum
from jaxamp.models import recurrent, wavenet
from jaxamp.train import Optimizer, Task

RATE = 48_000

WAVENET = wavenet(
    arrays=[{"channels": 2, "dilations": [1, 4], "head_size": 1, "head_bias": True}],
    head_scale=0.5,
)
LSTM = recurrent(hidden=[3])
MSE = weighted_sum(terms={"mse": {"weight": 1.0}})


def plain_mse(prediction, target):
    """The squared error, for programs whose every product is the model's."""
    return jnp.mean((prediction - target) ** 2, axis=(1, 2))


def noise(samples, seed=0, level=0.2):
    """1-D float32 audio."""
    audio = level * np.random.default_rng(seed).standard_normal(samples)
    return audio.astype(np.float32)


def amp(x):
    """A curve and a short memory, learnable by anything."""
    return np.tanh(3 * (x + 0.5 * np.append(0, x[:-1]))).astype(np.float32)


def capture(samples=4000, context=0, seed=0):
    """An aligned pair through `amp`, the first `context` samples as its context."""
    x = noise(samples + context, seed)
    return Capture(x[context:], amp(x)[context:], x[:context])


def task(model=WAVENET, **options):
    """Adam on the squared error, unless told otherwise."""
    given = {
        "loss": MSE,
        "optimizer": Optimizer(optax.adam),
    }
    return Task(model=model, **{**given, **options})


def batch_of(windows, contexts, outputs, seed=0):
    """A batch of independent noise."""
    from jaxamp.core import Batch  # noqa: PLC0415

    x = noise(windows * (contexts + outputs), seed).reshape(windows, 1, -1)
    y = np.stack([amp(row[0])[None] for row in x])
    return Batch(jnp.asarray(x), jnp.asarray(y[:, :, contexts:]))
