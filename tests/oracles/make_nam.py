"""Writes nam/*.nam with the peer's own exporters, and what the peer plays for them.

Random weights from fixed seeds, one deterministic input. Runs in an environment of
its own with `pip install neural-amp-modeler` (0.13.0 made the committed files) and
never imports jaxamp. Running it again writes the same bytes on the same machine.

How the peer renders, which is how players do after prewarming:

- Networks with a receptive field hear `receptive_field - 1` zeros before the first
  sample: `net(x, pad_start=True)`.
- The LSTM starts from the h0, c0 stored in its file and nothing else: the file is
  read back with `init_from_nam` and played. Not the network that was exported: it
  would start from its own initial state, which is never written.

Default initialisation leaves little but a constant in the outputs, so matrices and
kernels are multiplied by the `gain` of their entry and biases by 0.3 (batch norm's
own parameters are left alone): the sound then varies by more than 0.01 RMS about
its mean, and the activations bend.

    python make_nam.py [FOLDER]
"""

import importlib.resources
import json
import sys
from pathlib import Path

import numpy as np
import torch
from nam.hooks import ExportModelDictPostHook
from nam.models import ConvNet, Linear, init_from_nam
from nam.models.factory import init
from nam.models.metadata import UserMetadata
from nam.models.wavenet._layer_array import _FILM_NAMES

SAMPLE_RATE = 48_000
SAMPLES = 6_000
FEATURE_SAMPLES = 1_500
BIAS_GAIN = 0.3
SMALL = 0.3
"""A size that picks the smaller network of a container, or the narrowest width."""


def main():
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "nam"
    folder.mkdir(parents=True, exist_ok=True)
    signal = test_signal()
    np.save(folder / "input.npy", signal)
    for seed, (name, (build, gain, *samples)) in enumerate(NETWORKS.items()):
        torch.manual_seed(seed)
        net = build()
        net.sample_rate = SAMPLE_RATE
        scale_weights(net, gain)
        net.eval()
        write(net, folder, name)
        heard = torch.from_numpy(signal[: samples[0] if samples else SAMPLES])
        output = play(net, folder / f"{name}.nam", heard)
        np.save(folder / f"{name}.npy", output)
        print(f"{name}: {output.shape}, RMS about the mean {output.std(axis=-1)}")


def test_signal():
    """Decaying sines and a little noise, peak 0.5, float32."""
    time = np.arange(SAMPLES) / SAMPLE_RATE
    plucks = [(0.0, 110.0, 20.0), (0.0, 331.0, 45.0), (0.04, 1730.0, 90.0)]
    signal = 0.02 * np.random.default_rng(0).standard_normal(SAMPLES)
    for start, hertz, decay_per_second in plucks:
        since = np.maximum(time - start, 0.0)
        signal += np.exp(-decay_per_second * since) * np.sin(2 * np.pi * hertz * since)
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


def a1(first_channels, first_dilations, second_channels, second_dilations):
    """Two layer arrays, the second reading the first's head."""

    def array(input_size, channels, dilations, head_channels, bias):
        return {
            "input_size": input_size,
            "condition_size": 1,
            "channels": channels,
            "kernel_size": 3,
            "dilations": dilations,
            "activation": "Tanh",
            "head": {"out_channels": head_channels, "kernel_size": 1, "bias": bias},
        }

    arrays = [
        array(1, first_channels, first_dilations, second_channels, False),
        array(first_channels, second_channels, second_dilations, 1, True),
    ]
    config = {"layers_configs": arrays, "head_scale": 0.02}
    return lambda: init("WaveNet", kwargs={"config": config})


def a2(submodel):
    """One of the two networks of the peer's own A2 preset: 0 lite, 1 full."""

    def build():
        config = a2_preset()["submodels"][submodel]["config"]
        return init("WaveNet", kwargs={"config": config})

    return build


def a2_container():
    return init("PackedWaveNet", kwargs={"config": a2_preset()})


def a2_preset():
    folder = importlib.resources.files("nam.train._resources")
    preset = json.loads((folder / "config_model_packed.json").read_text())
    return preset["net"]["config"]


def features(gain=1.5, top=None, **changes):
    """One array of few channels, with some of what only later players know."""

    def build():
        return init("WaveNet", kwargs={"config": {**feature_config(changes), **top}})

    top = top or {}
    return build, gain, FEATURE_SAMPLES


def feature_config(changes):
    array = {
        "input_size": 1,
        "condition_size": 1,
        "channels": 4,
        "kernel_size": 3,
        "dilations": [1, 3, 9],
        "activation": "Tanh",
        "head": {"out_channels": 1, "kernel_size": 1, "bias": True},
    }
    return {"layers_configs": [{**array, **changes}], "head_scale": 0.5}


def films(shift, groups):
    """Every slot in use."""
    film = {"active": True, "shift": shift, "groups": groups}
    return {"film_params": dict.fromkeys(_FILM_NAMES, film)}


def paired(name, *activations):
    return [
        {"name": name, "primary": first, "secondary": second}
        for first, second in activations
    ]


MIX = {"head_1x1_config": {"active": True, "out_channels": 6, "groups": 2}}
CONDITION = {
    "name": "WaveNet",
    "config": feature_config(
        {"head": {"out_channels": 4, "kernel_size": 2, "bias": True}}
    ),
}
HEAD = {"channels": 3, "activation": "SiLU", "out_channels": 1, "kernel_sizes": [3, 2]}
NAMED = ["ReLU", "SiLU", "Hardswish", "Sigmoid", "Softsign", "Hardtanh"]
OPTIONS = [
    {"name": "LeakyReLU", "negative_slope": 0.3},
    {"name": "PReLU", "num_parameters": 4, "init": 0.7},
    {"name": "PReLU", "init": 0.5},
    {"name": "LeakyHardtanh", "min_val": -0.4, "max_val": 0.6, "max_slope": 0.2},
]
GATES = [("Tanh", "Sigmoid"), ("ReLU", "Hardtanh"), ("SiLU", "Tanh")]

FEATURES = {
    "kernel_sizes": features(kernel_size=[2, 5, 3]),
    "head_kernel": features(head={"out_channels": 1, "kernel_size": 5, "bias": False}),
    "activations": features(dilations=[1, 2, 3, 5, 8, 9], activation=NAMED),
    "activation_options": features(dilations=[1, 2, 3, 5], activation=OPTIONS),
    "bottleneck": features(bottleneck=2),
    "groups": features(groups_input=2, bottleneck=2),
    "layer1x1_groups": features(layer_1x1_config={"active": True, "groups": 2}),
    # The trainer adds what such a layer says to what the next one hears and players
    # do not, so only the last layer can be an oracle.
    "layer1x1_off": features(dilations=[3], layer_1x1_config={"active": False}),
    "head1x1": features(**MIX),
    "gated": features(activation=paired("PairMultiply", *GATES)),
    "blended": features(activation=paired("PairBlend", *GATES)),
    "some_gated": features(activation=["Tanh", *paired("PairMultiply", *GATES[:2])]),
    "film": features(**films(True, 1), **MIX, bottleneck=2),
    "film_without_shift": features(2.0, **films(False, 1), **MIX),
    "post_head": features(top={"head": HEAD}),
    "condition": features(
        top={"condition_dsp": CONDITION}, condition_size=4, groups_input_mixin=2
    ),
    "slimmable": features(
        slimmable={
            "method": "slice_channels_uniform",
            "kwargs": {"allowed_channels": [2, 3, 4]},
        }
    ),
    "everything": features(
        gain=2.5,
        top={"condition_dsp": CONDITION, "head": HEAD},
        condition_size=4,
        kernel_size=[3, 2, 4],
        bottleneck=6,
        groups_input=2,
        groups_input_mixin=2,
        layer_1x1_config={"active": True, "groups": 2},
        activation=[*paired("PairBlend", *GATES[:2]), OPTIONS[0]],
        head={"out_channels": 2, "kernel_size": 3, "bias": True},
        **films(True, 2),
        **MIX,
    ),
}


def lstm():
    return init("LSTM", kwargs={"config": {"num_layers": 2, "hidden_size": 16}})


def convnet(batchnorm):
    def build():
        dilations = [1, 2, 4, 8, 16, 32, 64, 128]
        net = ConvNet(
            channels=8, dilations=dilations, batchnorm=batchnorm, activation="Tanh"
        )
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                # Statistics as if trained; untrained ones (0, 1) would hide mistakes.
                torch.nn.init.normal_(module.running_mean, std=0.2)
                torch.nn.init.uniform_(module.running_var, 0.3, 1.5)
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias, std=0.2)
        return net

    return build


def linear():
    return Linear(receptive_field=64, bias=True)


NETWORKS = {
    "a1_standard": (
        a1(16, [2**k for k in range(10)], 8, [2**k for k in range(10)]),
        2.0,
    ),
    "a1_nano": (
        a1(4, [2**k for k in range(7)], 2, [128, 256, 512, *(2**k for k in range(10))]),
        2.0,
    ),
    "a2_full": (a2(1), 1.8),
    "a2_lite": (a2(0), 1.5),
    "a2_container": (a2_container, 1.7),
    "lstm_2x16": (lstm, 2.5),
    "convnet": (convnet(batchnorm=False), 2.0),
    "convnet_batchnorm": (convnet(batchnorm=True), 2.2),
    "linear": (linear, 1.0),
    **FEATURES,
}


def scale_weights(net, gain):
    with torch.no_grad():
        for module in net.modules():
            if not isinstance(module, torch.nn.BatchNorm1d):
                for parameter in module.parameters(recurse=False):
                    parameter.mul_(gain if parameter.ndim > 1 else BIAS_GAIN)


def write(net, folder, name):
    net.export_model_dict_post_hooks = [FixedDate(), PlayersTapOrder()]
    metadata = UserMetadata(name=name, input_level_dbu=12.0)
    net.export(folder, basename=name, user_metadata=metadata)


class FixedDate(ExportModelDictPostHook):
    """The peer stamps the clock on every model; files here are to be reproducible."""

    def apply(self, model_dict):
        for key in model_dict["metadata"]["date"]:
            model_dict["metadata"]["date"][key] = 2000 if key == "year" else 1
        for submodel in model_dict["config"].get("submodels", []):
            self.apply(submodel["model"])
        if "condition_dsp" in model_dict["config"]:
            self.apply(model_dict["config"]["condition_dsp"])
        return model_dict


class PlayersTapOrder(ExportModelDictPostHook):
    """Puts a Linear model's taps in the order that players read.

    0.13.0 writes the taps oldest sample first; players, and this file, take the
    first for the current sample (neural-amp-modeler issue 696).
    """

    def apply(self, model_dict):
        if model_dict["architecture"] == "Linear":
            taps = model_dict["config"]["receptive_field"]
            weights = model_dict["weights"]
            model_dict["weights"] = weights[:taps][::-1] + weights[taps:]
        return model_dict


def play(net, path, signal):
    """What the peer plays from silence: `[t]`, of a container `[submodels, t]`."""
    model_dict = json.loads(path.read_text())
    if model_dict["architecture"] == "LSTM":
        net = init_from_nam(model_dict).eval()
    with torch.no_grad():
        layers = model_dict["config"].get("layers", [])
        if not any(layer["slimmable"] for layer in layers):
            return net(signal[None], pad_start=True)[0].numpy()
        return np.stack([slimmed(net, signal, size) for size in (SMALL, 1.0)])


def slimmed(net, signal, size):
    """Played at a share of the full size."""
    net._net.set_slimming(size)
    return net(signal[None], pad_start=True)[0].numpy()


if __name__ == "__main__":
    main()
