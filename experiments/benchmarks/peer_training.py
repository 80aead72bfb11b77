"""Training steps of the peer: its own module, loss and optimiser, on a fixed batch.

The batch is made once, so the peer's loader costs it nothing here.
"""

import os
import time

import peer_networks
import torch
from nam.train.lightning_module import LightningModule, PackedLightningModule


def prepare(
    network, batch, inputs, outputs, hyperparameters=None, device="cpu", **lstm
):
    """A step of the named network on noise of the given shape.

    Args:
        network: WaveNet, LSTM, packed or stack.
        inputs, outputs: Samples of a window that are heard, and that are judged.
        lstm: `burn_in` and `truncate` of an LSTM; `judged` last samples of a window
            that its loss looks at, all by default.
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    x = 0.1 * torch.randn(batch, inputs, device=device)
    y = 0.1 * torch.randn(batch, outputs, device=device)
    if network == "stack":
        parameters, step = stack(hyperparameters["hidden"], x, y)
    else:
        parameters, step = peers_own(network, hyperparameters, lstm, x, y)
    facts = {"parameters": sum(p.numel() for p in parameters)}
    return facts, lambda units: seconds(step, units)


def seconds(step, units):
    """Time of so many steps."""
    begin = time.perf_counter()
    for _ in range(units):
        step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def peers_own(network, hyperparameters, lstm, x, y):
    """A step as the peer's trainer makes it."""
    packed = network == "packed"
    if packed:
        module = PackedLightningModule.init_from_config(peer_networks.a2_recipe())
    elif network == "LSTM":
        judged = lstm.pop("judged", 0)
        config = peer_networks.lstm(hyperparameters, **lstm)
        module = LightningModule.init_from_config(peer_networks.a1_recipe(config))
        judge_last(module, judged)
    else:
        config = peer_networks.wavenet(hyperparameters)
        module = LightningModule.init_from_config(peer_networks.a1_recipe(config))
    module.to(x.device).train()
    optimizer = module.configure_optimizers()["optimizer"]

    def step():
        loss = module.training_step((x, y), 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if packed:
            module.net.apply_mask()  # as its `optimizer_step` does

    return list(module.net.parameters()), step


def judge_last(module, samples):
    """Lets the loss look at so many last samples only; 0 leaves it as it is.

    The peer reads `mask_first`, which should do this, and does not use it in training.
    """
    whole = module._get_loss_dict
    module._get_loss_dict = lambda preds, targets: whole(
        preds[:, -samples:], targets[:, -samples:]
    )


class Stack(torch.nn.Module):
    """LSTM layers of different sizes, one after the other."""

    def __init__(self, hidden):
        super().__init__()
        inputs = [1, *hidden]
        self.layers = torch.nn.ModuleList(
            torch.nn.LSTM(size, cells, batch_first=True)
            for size, cells in zip(inputs, hidden, strict=False)
        )

    def forward(self, x):
        for layer in self.layers:
            x, _ = layer(x)
        return x


def stack(hidden, x, y):
    """A step of a plain stack with squared error on the last samples."""
    network = Stack(hidden).to(x.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    x, y = x[:, :, None], y[:, :, None]

    def step():
        loss = torch.nn.functional.mse_loss(network(x)[:, -y.shape[1] :], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return list(network.parameters()), step
