"""How well the peer learns the same capture in the same number of steps.

Runs in an environment of its own, with `pip install neural-amp-modeler soundfile`,
and never imports jaxamp. Network, windows, losses, optimiser and schedule are the
peer's own classes; only the loop around them and the held-out measurement are here,
so that its number and ours mean the same thing.

    python train.py --input dry.flac --target wet/hg_jcm.flac --delay 46 \
        --model lstm_1x16 --output results/lstm_1x16_seed0.json
"""

import argparse
import json
import platform
import time
from pathlib import Path

import nam
import numpy as np
import soundfile
import torch
from nam.data import Dataset
from nam.train.lightning_module import LightningModule
from torch.utils.data import DataLoader

WINDOW = 8192
BATCH_SIZE = 16
STEPS_PER_DECAY = 108
# A recurrent model has no receptive field to be filled: a second settles its state.
SETTLING_SAMPLES = 48_000

A1_NANO_SECOND_DILATIONS = [128, 256, 512, *(2**k for k in range(10))]
A2_CYCLE = [1, 3, 7, 17, 41, 101, 239]


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    module = LightningModule.init_from_config(recipe(arguments.model))
    train_pair, held_out_pair = split(arguments)
    windows = Dataset(
        *train_pair,
        nx=module.net.receptive_field,
        ny=WINDOW,
        sample_rate=48_000,
        require_input_pre_silence=None,  # the passage starts with 0.5 s of silence
    )
    result = describe(arguments, module, windows)
    for steps, seconds in train(module, windows, arguments.steps, arguments.budgets):
        result["esr"][str(steps)] = held_out_esr(module.net, *held_out_pair)
        result["seconds_per_step"] = seconds / steps
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(result, indent=2) + "\n")
        print(
            f"{arguments.model} seed {arguments.seed} step {steps}:"
            f" ESR {result['esr'][str(steps)]:.5f},"
            f" {result['seconds_per_step']:.3f} s per step",
            flush=True,
        )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--delay", type=int, required=True, help="samples")
    parser.add_argument("--model", choices=sorted(NETWORKS), required=True)
    parser.add_argument("--steps", type=int, default=1240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--budgets",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[310, 434, 620, 930, 1240],
        help="steps after which the held-out passage is measured",
    )
    parser.add_argument("--holdout-seconds", type=float, default=25.6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    if max(arguments.budgets) > arguments.steps:
        parser.error(
            f"--budgets asks for {max(arguments.budgets)} steps, --steps allows"
            f" {arguments.steps}; raise --steps or drop the larger budgets"
        )
    return arguments


def recipe(model):
    """The peer's configuration: A1 loss and optimiser, whatever the network."""
    return {
        "net": NETWORKS[model],
        "loss": {
            "val_loss": "esr",
            "pre_emph_mrstft_weight": 2e-4,
            "pre_emph_mrstft_coef": 0.85,
        },
        "optimizer": {"lr": 4e-3},
        "lr_scheduler": {"class": "ExponentialLR", "kwargs": {"gamma": 0.993}},
    }


def layer_array(input_size, channels, kernel_sizes, dilations, *, activation, head):
    out_channels, kernel_size, bias = head
    return {
        "input_size": input_size,
        "condition_size": 1,
        "channels": channels,
        "kernel_sizes": kernel_sizes,
        "dilations": dilations,
        "activation": activation,
        "head": {
            "out_channels": out_channels,
            "kernel_size": kernel_size,
            "bias": bias,
        },
    }


NETWORKS = {
    "lstm_1x16": {
        "name": "LSTM",
        "config": {
            "num_layers": 1,
            "hidden_size": 16,
            "train_burn_in": 4096,
            "train_truncate": 512,
        },
    },
    "wavenet_nano": {
        "name": "WaveNet",
        "config": {
            "layers_configs": [
                layer_array(
                    1,
                    4,
                    3,
                    [2**k for k in range(7)],
                    activation="Tanh",
                    head=(2, 1, False),
                ),
                layer_array(
                    4,
                    2,
                    3,
                    A1_NANO_SECOND_DILATIONS,
                    activation="Tanh",
                    head=(1, 1, True),
                ),
            ],
            "head_scale": 0.02,
        },
    },
    "wavenet_a2_lite": {
        "name": "WaveNet",
        "config": {
            "layers_configs": [
                layer_array(
                    1,
                    3,
                    [6] * 14 + [15] * 2 + [6] * 7,
                    [*A2_CYCLE, *A2_CYCLE, 1, 13, *A2_CYCLE],
                    activation="LeakyReLU",
                    head=(1, 16, True),
                )
            ],
            "head_scale": 0.01,
        },
    },
}


def split(arguments):
    """Aligned audio, all but the end to train on, and the end with its context."""
    dry, rate = soundfile.read(arguments.input, dtype="float32")
    wet, _ = soundfile.read(arguments.target, dtype="float32")
    wet = wet[arguments.delay :]
    dry, wet = (torch.from_numpy(signal[: len(wet)]) for signal in (dry, wet))
    held_out = round(arguments.holdout_seconds * rate)
    return (dry[:-held_out], wet[:-held_out]), (dry, wet[-held_out:])


def train(module, windows, steps, budgets):
    """Yields (steps, seconds spent on steps) whenever a budget is used up.

    Shuffling starts over when the windows are used up; the learning rate falls every
    `STEPS_PER_DECAY` steps, which is not the same moment.
    """
    loader = DataLoader(windows, batch_size=BATCH_SIZE, shuffle=True, drop_last=True)
    optimizers = module.configure_optimizers()
    optimizer = optimizers["optimizer"]
    scheduler = optimizers["lr_scheduler"]["scheduler"]
    module.train()
    seconds = 0.0
    batches = endless(loader)
    for step in range(1, steps + 1):
        started = time.perf_counter()
        loss = module.training_step(next(batches), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % STEPS_PER_DECAY == 0:
            scheduler.step()
        seconds += time.perf_counter() - started
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3e}", flush=True)
        if step in budgets:
            yield step, seconds
            module.train()


def endless(loader):
    while True:
        yield from loader


def held_out_esr(net, dry, target):
    """One ratio over the whole passage; the audio before it is the context."""
    net.eval()
    context = max(net.receptive_field - 1, SETTLING_SAMPLES)
    with torch.no_grad():
        heard = dry[-(len(target) + context) :]
        prediction = net(heard, pad_start=False)[-len(target) :]
    error = (target - prediction).double().square().sum()
    return (error / target.double().square().sum()).item()


def describe(arguments, module, windows):
    return {
        "model": arguments.model,
        "seed": arguments.seed,
        "parameters": sum(p.numel() for p in module.net.parameters()),
        "receptive_field": module.net.receptive_field,
        "recipe": recipe(arguments.model),
        "window": WINDOW,
        "batch_size": BATCH_SIZE,
        "windows": len(windows),
        "steps_per_decay": STEPS_PER_DECAY,
        "delay": arguments.delay,
        "holdout_seconds": arguments.holdout_seconds,
        "threads": arguments.threads,
        "versions": {
            "python": platform.python_version(),
            "neural-amp-modeler": nam.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "seconds_per_step": None,
        "esr": {},
    }


if __name__ == "__main__":
    main()
