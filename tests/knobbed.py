"""Small models with knobs, for tests of what goes with them."""

from jaxamp.models import greybox, recurrent, sequential

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
}
