"""Every model configuration of the project, built once for all tests."""

import functools

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from jaxamp.cli.config import build, conf_folder
from jaxamp.models import wavenet
from jaxamp.models.layer_array import FILM_SLOTS

MODELS = sorted(
    str(file.relative_to(conf_folder() / "model").with_suffix(""))
    for file in (conf_folder() / "model").rglob("*.yaml")
)


def configuration(*overrides):
    """The resolved configuration that overrides compose, as plain containers."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("train", list(overrides))
    return OmegaConf.to_container(config, resolve=True)


FILM = {slot: {"shift": slot < "conv_z"} for slot in FILM_SLOTS}
GATES = {"gating": ["none", "gated", "blended"], "secondary_activation": "Sigmoid"}
PART = {"channels": 4, "dilations": [1, 5, 2], "head_size": 4}
RARE = {
    "parts/conditioned": {
        "arrays": [{**PART, **GATES, "film": FILM, "head1x1": {"out_channels": 4}}],
        "head": {"kernel_sizes": [3, 1], "channels": 3, "activation": "Tanh"},
        "condition": {
            "architecture": "WaveNet",
            "hyperparameters": {"arrays": [{**PART, "kernel_size": 9}]},
        },
    },
    "parts/grouped": {
        "arrays": [
            {**PART, "groups": 2, "layer1x1": None},
            {
                **PART,
                "head_size": 1,
                "bottleneck": 6,
                "head1x1": {"out_channels": 4, "groups": 2},
                "layer1x1": {"groups": 2},
                "activation": {"type": "PReLU", "negative_slope": 0.1},
            },
        ],
    },
    "parts/a1": {
        "arrays": [
            {"channels": 4, "head_size": 2, "dilations": [1, 2, 4]},
            {"channels": 2, "head_size": 1, "head_bias": True, "dilations": [8, 1]},
        ],
    },
    "parts/a2": {
        "arrays": [
            {
                "channels": 3,
                "head_size": 1,
                "head_kernel_size": 16,
                "head_bias": True,
                "kernel_size": [6, 15, 6],
                "dilations": [1, 1, 7],
                "activation": {"type": "LeakyReLU", "negative_slope": 0.01},
            }
        ],
        "head_scale": 0.01,
    },
    "parts/lstm_condition": {
        "arrays": [{**PART, "head_size": 1}],
        "condition": {"architecture": "LSTM", "hyperparameters": {"hidden": [3]}},
    },
}
"""WaveNets under names of their own: of the parts that no configuration has, and of
those that A1 and A2 are made of, in fewer layers."""


@functools.cache
def model(name):
    """The model a configuration names."""
    if name in RARE:
        return wavenet(**RARE[name])
    return build(configuration(f"model={name}")["model"], "model", sample_rate=48_000)


def is_container(name):
    """Whether it has sizes; composing every configuration would take seconds."""
    return "sizes" in OmegaConf.load(conf_folder() / "model" / f"{name}.yaml")


SINGLE = [name for name in MODELS if not is_container(name)] + [*RARE]
"""Configurations of one model; a container is made of these."""

LARGER = {
    *("wavenet/standard", "wavenet/lite", "wavenet/feather", "wavenet/nano"),
    *("wavenet/a2_full", "wavenet/a2_lite", "convnet/standard", "linear/2048"),
    *(
        f"lstm/{size}"
        for size in ("1x8", "1x12", "1x24", "1x32", "1x40", "1x64", "1x96")
    ),
    *("lstm/2x16", "gru/1x32", "gru/1x40"),
}
DISTINCT = [name for name in SINGLE if name not in LARGER]
"""Those that differ in more than the number of channels, cells or layers from one that
is here, because compiling takes time. A new one is tried until it is named above."""

GREY = [name for name in SINGLE if name.startswith("greybox/")]
"""Those that no file of any format can hold."""
