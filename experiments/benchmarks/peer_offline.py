"""A whole file through the peer's network, or through its bare recurrent core."""

import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from nam.models import init_from_nam


def prepare(nam, audio, answer, bare):
    """Reads a `.nam`, plays the audio once and leaves the answer for comparison.

    Args:
        bare: Only the `torch.nn.LSTM` inside, without head and without learned state.
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    network = init_from_nam(json.loads(Path(nam).read_text())).eval()
    x = torch.from_numpy(np.load(audio))
    if bare:
        x = x[None, :, None]
        network = network._core
    np.save(answer, played(network, x, bare).numpy())
    return {}, lambda units: seconds(network, x, bare, units)


def seconds(network, x, bare, units):
    """Time of playing it so many times."""
    begin = time.perf_counter()
    for _ in range(units):
        played(network, x, bare)
    return time.perf_counter() - begin


@torch.inference_mode()
def played(network, x, bare):
    """The network's answer to all of the audio at once."""
    return network(x)[0] if bare else network(x)
