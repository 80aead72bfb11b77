"""jaxamp's hyperparameters as the peer's networks, so both train the same shapes."""

import importlib.resources
import json

LEARNING = {
    "optimizer": {"lr": 4e-3},
    "lr_scheduler": {"class": "ExponentialLR", "kwargs": {"gamma": 0.993}},
}
A1_LOSS = {
    "val_loss": "esr",
    "pre_emph_mrstft_weight": 2e-4,
    "pre_emph_mrstft_coef": 0.85,
}


def a1_recipe(network):
    """The configuration of the peer's module with its A1 loss and optimiser."""
    return {"net": network, "loss": A1_LOSS, **LEARNING}


def a2_recipe():
    """The peer's own configuration of the A2 pair, as its trainer ships it."""
    folder = importlib.resources.files("nam.train._resources")
    return json.loads(folder.joinpath("config_model_packed.json").read_text())


def wavenet(hyperparameters):
    """A WaveNet of the same layer arrays."""
    arrays = hyperparameters["arrays"]
    inputs = [1, *(array["channels"] for array in arrays)]
    return {
        "name": "WaveNet",
        "config": {
            "layers_configs": [
                layer_array(array, size)
                for array, size in zip(arrays, inputs, strict=False)
            ],
            "head_scale": hyperparameters["head_scale"],
        },
    }


def layer_array(array, input_size):
    """One layer array; the layers of one array share an activation here."""
    (activation,) = {json.dumps(one) for one in array["activation"]}
    activation = json.loads(activation)
    return {
        "input_size": input_size,
        "condition_size": 1,
        "channels": array["channels"],
        "kernel_sizes": array["kernel_size"],
        "dilations": array["dilations"],
        "activation": activation if isinstance(activation, str) else activation["type"],
        "head": {
            "out_channels": array["head_size"],
            "kernel_size": array["head_kernel_size"],
            "bias": array["head_bias"],
        },
    }


def lstm(hyperparameters, burn_in, truncate):
    """An LSTM of the same layers, all of one size."""
    (size,) = set(hyperparameters["hidden"])
    return {
        "name": "LSTM",
        "config": {
            "num_layers": len(hyperparameters["hidden"]),
            "hidden_size": size,
            "train_burn_in": burn_in,
            "train_truncate": truncate,
        },
    }
