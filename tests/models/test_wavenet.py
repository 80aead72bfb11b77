"""What the standard shapes of a WaveNet do not show."""

import jax
import numpy as np

from jaxamp.core import silence
from jaxamp.models import wavenet


def test_a_head_with_memory_below_another_array_settles_from_an_unknown_past():
    array = {"channels": 1, "dilations": [1], "head_size": 1, "head_kernel_size": 3}
    first, second = {**array, "kernel_size": 1}, {**array, "kernel_size": 2}
    model = wavenet(arrays=[first, second], head_scale=1.0)
    params = model.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (1, 1, 40))
    unknown, _ = model.apply(params, x, None, model.init_state(params, 1))
    known, _ = model.apply(params, x, None, silence(model, params))
    settled = unknown.shape[2]
    assert settled >= 40 - model.warmup
    np.testing.assert_allclose(unknown, known[:, :, -settled:], atol=1e-6)
