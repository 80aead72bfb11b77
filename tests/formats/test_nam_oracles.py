"""Files the peer wrote, played as the peer plays them."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp import formats

ORACLES = Path(__file__).parent.parent / "oracles" / "nam"
INPUT = np.load(ORACLES / "input.npy")


@partial(jax.jit, static_argnums=0)
def play(model, params, x):
    return model.apply(params, x, None, model.init_state(params, 1))[0]


def from_silence(model, params, signal):
    """As players do. An LSTM's file states the silence it starts from."""
    warmup = 0 if model.architecture == "LSTM" else model.warmup
    x = jnp.asarray(np.concatenate([np.zeros(warmup), signal]), jnp.float32)
    return np.asarray(play(model, params, x[None, None])[0, 0, -len(signal) :])


@pytest.mark.parametrize("path", sorted(ORACLES.glob("*.nam")), ids=lambda p: p.stem)
def test_a_file_of_the_peer_plays_as_the_peer_plays_it(path):
    expected = np.load(path.with_suffix(".npy"))
    sizes = [None] if expected.ndim == 1 else [0.3, None]
    for size, wanted in zip(sizes, np.atleast_2d(expected), strict=True):
        model, params, metadata = formats.read(path, size=size)
        heard = from_silence(model, params, INPUT[: len(wanted)])
        np.testing.assert_allclose(heard, wanted, rtol=0, atol=1e-5)
        assert metadata["name"] == path.stem
        assert metadata["input_level_dbu"] == 12.0
        assert model.sample_rate == 48_000
