"""Recurrent layers in double precision, straight from a file's own numbers."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, weight, recurrent, bias):
    """x `[t, i]`, PyTorch's layout -> y `[t, hidden]`, from zero state."""
    h = c = np.zeros(recurrent.shape[1])
    y = []
    for sample in x:
        i, f, g, o = np.split(weight @ sample + recurrent @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        y.append(h)
    return np.stack(y)


def gru(x, weight, recurrent, bias, recurrent_bias):
    """The same for a GRU, with its two biases."""
    h = np.zeros(recurrent.shape[1])
    y = []
    for sample in x:
        r, z, n = np.split(weight @ sample + bias, 3)
        of_r, of_z, of_n = np.split(recurrent @ h + recurrent_bias, 3)
        z = sigmoid(z + of_z)
        h = (1 - z) * np.tanh(n + sigmoid(r + of_r) * of_n) + z * h
        y.append(h)
    return np.stack(y)


def simple_rnn(document, x):
    """What a SimpleRNN file plays for x `[t, inputs]`."""
    shape = document["model_data"]
    state = {key: np.asarray(value) for key, value in document["state_dict"].items()}
    y = x
    for k in range(shape["num_layers"]):
        weight, recurrent = state[f"rec.weight_ih_l{k}"], state[f"rec.weight_hh_l{k}"]
        first, second = state[f"rec.bias_ih_l{k}"], state[f"rec.bias_hh_l{k}"]
        if shape["unit_type"] == "LSTM":
            y = lstm(y, weight, recurrent, first + second)
        else:
            y = gru(y, weight, recurrent, first, second)
    return (y @ state["lin.weight"].T + state["lin.bias"])[:, 0] + shape["skip"] * x[
        :, 0
    ]


def keras_stack(document, x):
    """What an RTNeural or AIDA-X file plays for x `[t, inputs]`."""
    gains = [10 ** (document.get(key, 0) / 20) for key in ("in_gain", "out_gain")]
    x = np.concatenate([gains[0] * x[:, :1], x[:, 1:]], axis=1)
    y = x
    for layer in document["layers"]:
        y = keras_layer(layer, y)
    return gains[1] * (y[:, 0] + document.get("in_skip", 0) * x[:, 0])


def keras_layer(layer, x):
    weights = [np.asarray(part, np.float64) for part in layer["weights"]]
    kind = layer["type"]
    if kind == "lstm":
        weight, recurrent, bias = weights
        return lstm(x, weight.T, recurrent.T, bias)
    if kind == "gru":
        weight, recurrent, biases = weights
        order = np.split(np.arange(weight.shape[1]), 3)
        order = np.concatenate([order[1], order[0], order[2]])
        return gru(x, weight[:, order].T, recurrent[:, order].T, *biases[:, order])
    if kind == "conv1d":
        x = convolution(x, *weights, layer["dilation"][-1], layer.get("groups", 1))
    elif kind != "activation":
        x = x @ weights[0] + weights[1]
    return KERAS_ACTIVATIONS[layer["activation"]](x)


def convolution(x, weight, bias, dilation, groups):
    """Causal, from zeros; weight `[k, i / groups, o]`, the oldest tap first."""
    taps, inputs, outputs = weight.shape
    padded = np.concatenate([np.zeros(((taps - 1) * dilation, x.shape[1])), x])
    y = np.tile(bias, (len(x), 1))
    for group in range(groups):
        heard = padded[:, group * inputs : (group + 1) * inputs]
        out = slice(group * outputs // groups, (group + 1) * outputs // groups)
        for tap in range(taps):
            start = tap * dilation
            y[:, out] += heard[start : start + len(x)] @ weight[tap][:, out]
    return y


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


KERAS_ACTIVATIONS = {
    "": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "softmax": softmax,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
}
