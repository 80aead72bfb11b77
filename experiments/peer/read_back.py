"""Does the peer play our files as we do?

DIR holds input.npy `[t]` and, for every NAME.nam, NAME.npy: what jaxamp played for
that input from silence, `[t]`, of a container `[submodels, t]` or its last submodel
`[t]`. Each file is read with the peer's own reader and played likewise. Runs in an
environment of its own with `pip install neural-amp-modeler`; never imports jaxamp.

Where the peer (0.13.0) has no reader, or one that misreads what players play, this
script helps it, and says so in the table:

- layer arrays with the keys of 0.5 files (`head_size`, `head_bias`, `gated`) are
  respelled; the reader demands a nested `head` and ignores `gated`;
- Linear taps are reversed: the reader takes the oldest sample's first, players the
  current one's (neural-amp-modeler issue 696);
- a container's submodels are read one by one;
- a network that conditions is dropped by the reader, and the slopes of PReLUs are: they
  are put in after reading;
- a ConvNet is filled in the order in which the peer exports it, and must export the
  same numbers again.

    python read_back.py DIR    # exit status 1 where a difference is above 1e-5

of full scale, or of the loudest sample where that is louder.
"""

import argparse
import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
from nam.models import ConvNet, WaveNet, init_from_nam
from nam.models._from_nam import _convert_nam_layer_array_config

TOLERANCE = 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args().folder
    paths = sorted(folder.glob("*.nam"))
    if not paths:
        parser.error(f"{folder} holds no .nam file; write some there first")
    signal = torch.from_numpy(np.load(folder / "input.npy").astype(np.float32))
    print(f"{'file':32} {'max |difference|':>16} {'relative RMS':>12}  helped by")
    agreed = [report(path, signal) for path in paths]
    print(f"{sum(agreed)} of {len(agreed)} within {TOLERANCE:g}")
    sys.exit(0 if all(agreed) else 1)


def report(path, signal):
    """Prints one row of the table; true where the file plays the same."""
    model_dict = json.loads(path.read_text())
    helped = set()
    try:
        theirs = play(model_dict, signal, helped)
    except Exception as problem:  # whatever the peer raises belongs in the table
        print(f"{path.name:32} not played: {type(problem).__name__}: {problem}")
        return False
    if not path.with_suffix(".npy").exists():
        print(f"{path.name:32} nothing to compare with: {path.stem}.npy is missing")
        return False
    ours = np.load(path.with_suffix(".npy")).squeeze()
    theirs = theirs[-1] if theirs.ndim > ours.ndim else theirs
    if ours.shape != theirs.shape:
        print(f"{path.name:32} shapes differ: ours {ours.shape}, peer {theirs.shape}")
        return False
    difference = ours.astype(np.float64) - theirs
    worst = np.abs(difference).max()
    relative = np.sqrt(np.mean(difference**2) / np.mean(theirs.astype(np.float64) ** 2))
    note = ", ".join(sorted(helped)) or "-"
    print(f"{path.name:32} {worst:16.2e} {relative:12.2e}  {note}")
    return bool(worst <= TOLERANCE * max(1.0, np.abs(theirs).max()))


def play(model_dict, signal, helped):
    """What the peer plays from silence: `[t]`, of a container `[submodels, t]`.

    Players prewarm: the receptive field hears zeros first. An LSTM starts from the
    state in its file, which is what the peer's reader makes its initial state.
    """
    if model_dict["architecture"] == "SlimmableContainer":
        helped.add("submodels read one by one")
        submodels = [entry["model"] for entry in model_dict["config"]["submodels"]]
        return np.stack([play(submodel, signal, helped) for submodel in submodels])
    net = read(model_dict, helped).eval()
    with torch.no_grad():
        return net(signal[None], pad_start=True)[0].numpy()


def read(model_dict, helped):
    model_dict = copy.deepcopy(model_dict)
    config = model_dict["config"]
    if model_dict["architecture"] == "ConvNet":
        helped.add("filled in export order")
        return read_convnet(config, model_dict["weights"])
    if model_dict["architecture"] == "Linear":
        helped.add("taps reversed")
        taps = config["receptive_field"]
        weights = model_dict["weights"]
        model_dict["weights"] = weights[:taps][::-1] + weights[taps:]
    if model_dict["architecture"] == "WaveNet":
        config.setdefault("head", None)
        for layer_array in config["layers"]:
            respell(layer_array, helped)
        if config.get("condition_dsp"):
            helped.add("condition put in")
            return read_conditioned(model_dict, helped)
        slopes = copy.deepcopy(config)
        drop_slopes(config)
        require_count(model_dict)
        net = init_from_nam(model_dict)
        put_slopes(net._net, slopes, helped)
        return net
    return init_from_nam(model_dict)


def read_conditioned(model_dict, helped):
    """A WaveNet that another one conditions, filled with the numbers of both."""
    config = model_dict["config"]
    nested = config["condition_dsp"]
    condition = {"name": "WaveNet", "config": own_config(nested["config"])}
    net = WaveNet.init_from_config({**own_config(config), "condition_dsp": condition})
    for part, numbers in (
        (net._net, model_dict["weights"]),
        (net._net._condition_dsp, nested["weights"]),
    ):
        if part.import_weights(torch.Tensor(numbers)) != len(numbers):
            raise ValueError("weights are left over")
    put_slopes(net._net, config, helped)
    put_slopes(net._net._condition_dsp, nested["config"], helped)
    return net


def own_config(config):
    """A file's config in the peer's own words."""
    return {
        "layers_configs": [
            _convert_nam_layer_array_config(array) for array in config["layers"]
        ],
        "head": config.get("head"),
        "head_scale": config["head_scale"],
    }


def drop_slopes(config):
    """The reader takes PReLUs of one slope for all channels without it alone."""
    for array in config["layers"]:
        for spec in array["activation"]:
            if isinstance(spec, dict) and spec["type"] == "PReLU":
                spec.pop("negative_slope", None)


def put_slopes(net, config, helped):
    """The slopes of PReLUs that are no gates."""
    for array, words in zip(net._layer_arrays, config["layers"], strict=True):
        for layer, spec in zip(array._layers, words["activation"], strict=False):
            if isinstance(layer._activation, torch.nn.PReLU):
                helped.add("slopes put in")
                slopes = spec.get("negative_slopes", [spec.get("negative_slope")])
                layer._activation.weight.data = torch.Tensor(slopes)


def respell(layer_array, helped):
    """Old spellings of a layer array, in the words that the reader understands."""
    if "head" not in layer_array:
        helped.add("keys of 0.5")
        layer_array["head"] = {
            "out_channels": layer_array.pop("head_size"),
            "kernel_size": 1,
            "bias": layer_array.pop("head_bias"),
        }
    if layer_array.pop("gated", False):
        helped.add("keys of 0.5")
        layers = len(layer_array["dilations"])
        layer_array["activation"] = [{"type": layer_array["activation"]}] * layers
        layer_array["gating_mode"] = ["gated"] * layers
        layer_array["secondary_activation"] = [{"type": "Sigmoid"}] * layers


def require_count(model_dict):
    """The peer's WaveNet reader ignores numbers that are left over."""
    empty = copy.deepcopy(model_dict)
    empty["weights"] = [0.0] * len(model_dict["weights"])
    expected = len(init_from_nam(empty)._export_weights())
    if expected != len(model_dict["weights"]):
        raise ValueError(
            f"{len(model_dict['weights'])} weights, the peer expects {expected}"
        )


def read_convnet(config, weights):
    net = ConvNet(**config)
    remaining = torch.tensor(weights, dtype=torch.float32)

    def fill(tensor):
        nonlocal remaining
        tensor.data = remaining[: tensor.numel()].reshape(tensor.shape).clone()
        remaining = remaining[tensor.numel() :]

    for module in net.modules():
        if isinstance(module, torch.nn.Conv1d):
            fill(module.weight)
            if module.bias is not None:
                fill(module.bias)
        elif isinstance(module, torch.nn.BatchNorm1d):
            for name in ("running_mean", "running_var", "weight", "bias"):
                fill(getattr(module, name))
            module.eps = float(remaining[0])
            remaining = remaining[1:]
    if not np.array_equal(net._export_weights(), np.asarray(weights, np.float32)):
        raise ValueError("the peer does not export the same weights again")
    return net


if __name__ == "__main__":
    main()
