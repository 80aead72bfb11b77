"""Small models with knobs, for tests of what goes with them."""

import jax
import numpy as np

from jaxamp.models import greybox, recurrent, sequential, wavenet

ARRAYS = [
    {"channels": 2, "dilations": [3], "head_size": 2, "gating": "gated"},
    {"channels": 2, "dilations": [1], "head_size": 1, "head_bias": True},
]
KINDS = {
    "concat": {"kind": "concat"},
    "film": {"kind": "film", "hidden": 4},
    "hyper": {"kind": "hyper", "hidden": 4, "rank": 2},
}


def convolutions(kind):
    return wavenet(
        arrays=ARRAYS,
        head_scale=0.5,
        controls=["gain", "tone"],
        conditioning=KINDS[kind],
    )


def cells(cell, kind):
    return recurrent(
        cell=cell,
        hidden=[3],
        skip=cell == "LSTM",
        controls=["gain", "tone"],
        conditioning=KINDS[kind],
    )


def turned(model, seed=0):
    """Parameters whose knobs do something, as they do not before they are learned."""
    random = np.random.default_rng(seed)

    def moved(leaf):
        return leaf + 0.3 * random.standard_normal(leaf.shape).astype(np.float32)

    return jax.tree.map(moved, model.init(jax.random.key(seed)))


CONVOLUTIONS = [
    {"type": "conv1d", "size": 4, "kernel_size": 3, "dilation": 5, "activation": "elu"},
    {
        "type": "conv1d",
        "size": 6,
        "kernel_size": 2,
        "groups": 2,
        "activation": "softmax",
    },
]
TOP = [{"type": "dense", "size": 2, "activation": "relu"}, {"type": "dense", "size": 1}]

KNOBBED = {
    "lstm with two knobs": recurrent(hidden=[5], skip=True, controls=["gain", "tone"]),
    "gru with a knob": recurrent(cell="GRU", hidden=[4, 3], controls=["gain"]),
    "convolutions with a knob": sequential(
        layers=[*CONVOLUTIONS, {"type": "activation", "activation": "tanh"}, *TOP],
        controls=["gain"],
    ),
    "convolutions below cells with two knobs": sequential(
        layers=[
            *CONVOLUTIONS,
            {"type": "gru", "size": 4},
            {"type": "lstm", "size": 3},
            {"type": "dense", "size": 1, "activation": "tanh"},
        ],
        controls=["gain", "tone"],
    ),
    "grey box with a pot that rests and a knob of its own": greybox(
        preamp=4,
        power_amp=3,
        controls=["treble", "master", "drive", "bass"],
        gain="drive",
    ),
    "wavenet with hyper": convolutions("hyper"),
    "lstm with film": cells("LSTM", "film"),
}
"""Of each way that knobs reach a network one or two, because compiling takes time; the
others are played in models/test_conditioning.py."""
