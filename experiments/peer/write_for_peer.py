"""Writes random models of every kind as .nam, and what jaxamp plays for them.

The other half of `read_back.py`, which lets the peer read and play the same files.
Runs in jaxamp's own environment.

    python write_for_peer.py DIR [FILE.nam ...]

Files are read, and written again, into DIR.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp import formats
from jaxamp.formats.nam import write_container
from jaxamp.models import build

SAMPLES = 6_000
DOUBLING = [2**k for k in range(10)]
LITE = [128, 256, 512, *DOUBLING]
A2_DILATIONS = [*[1, 3, 7, 17, 41, 101, 239] * 2, 1, 13, 1, 3, 7, 17, 41, 101, 239]
A2_KERNELS = [6] * 14 + [15] * 2 + [6] * 7


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("files", type=Path, metavar="FILE.nam", nargs="*")
    given = parser.parse_args()
    folder = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    signal = 0.3 * np.random.default_rng(0).standard_normal(SAMPLES)
    np.save(folder / "input.npy", signal.astype(np.float32))
    for path in given.files:
        again(path, folder, signal)
    written = {}
    for seed, (name, (architecture, options)) in enumerate(MODELS.items()):
        model = build(architecture, options)
        params = draw(model, seed)
        written[name] = (model, params)
        formats.write(folder / f"{name}.nam", model, params, metadata={"name": name})
        np.save(folder / f"{name}.npy", play(model, params, signal))
        print(name)
    parts = [(0.5, *written["a2_lite"]), (1.0, *written["a2_full"])]
    write_container(folder / "a2_container.nam", parts)
    both = [play(model, params, signal) for _, model, params in parts]
    np.save(folder / "a2_container.npy", np.stack(both))
    print("a2_container")


def again(path, folder, signal):
    """A file as jaxamp reads it and writes it."""
    model, params, metadata = formats.read(path)
    formats.write(folder / path.name, model, params, metadata=metadata)
    np.save(folder / f"{path.stem}.npy", play(model, params, signal))
    print(path.stem)


def a1(first, first_dilations, second, second_dilations):
    arrays = [
        {"channels": first, "dilations": first_dilations, "head_size": second},
        {
            "channels": second,
            "dilations": second_dilations,
            "head_size": 1,
            "head_bias": True,
        },
    ]
    return {"arrays": arrays, "head_scale": 0.02}


def a2(channels):
    array = {
        "channels": channels,
        "dilations": A2_DILATIONS,
        "kernel_size": A2_KERNELS,
        "activation": {"type": "LeakyReLU", "negative_slope": 0.01},
        "head_size": 1,
        "head_kernel_size": 16,
        "head_bias": True,
    }
    return {"arrays": [array], "head_scale": 0.01}


MODELS = {
    "a1_standard": ("WaveNet", a1(16, DOUBLING, 8, DOUBLING)),
    "a1_nano": ("WaveNet", a1(4, DOUBLING[:7], 2, LITE)),
    "a2_full": ("WaveNet", a2(8)),
    "a2_lite": ("WaveNet", a2(3)),
    "lstm_2x16": ("LSTM", {"hidden": [16, 16], "learned_state": True}),
    "convnet": ("ConvNet", {"channels": 8, "dilations": DOUBLING[:8]}),
    "linear": ("Linear", {"receptive_field": 64, "bias": True}),
}


def draw(model, seed):
    """Weights large enough to bend the activations, with biases that are heard."""
    leaves, tree = jax.tree.flatten(jax.eval_shape(model.init, jax.random.key(0)))
    random = np.random.default_rng(seed)
    drawn = [
        jnp.asarray(
            random.standard_normal(leaf.shape) * (fan_in(leaf.shape) ** -0.5),
            jnp.float32,
        )
        for leaf in leaves
    ]
    return jax.tree.unflatten(tree, drawn)


def fan_in(shape):
    return np.prod(shape[1:]) if len(shape) > 1 else 10


def play(model, params, signal):
    """From silence: what an LSTM's initial state leaves is long gone."""
    quiet = np.zeros(max(model.warmup, 48_000))
    x = jnp.asarray(np.concatenate([quiet, signal]), jnp.float32)[None, None]
    y, _ = jax.jit(model.apply)(params, x, None, model.init_state(params, 1))
    return np.asarray(y[0, 0, -len(signal) :])


if __name__ == "__main__":
    main()
