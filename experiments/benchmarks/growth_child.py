"""One measurement of growth in a process of its own, so that its peak memory is its.

python growth_child.py play MODEL SECONDS
python growth_child.py learn MODEL WINDOW
"""

import json
import resource
import sys
import time

import jax
import numpy as np
import ours

from jaxamp.stream import play
from jaxamp.train import train_steps

MEASURED_STEPS = 2


def main():
    kind, model, length = sys.argv[1:]
    facts = {"play": played, "learn": learned}[kind](model, int(length))
    print(json.dumps(facts | {"peak_mib": peak_mib()}))


def played(name, seconds):
    """Time of streaming so much audio, a second of it at a time, nothing kept."""
    model, params = ours.model(name)
    second = ours.noise(1)[None, None]
    listen(model, params, [second])  # compiles
    begin = time.perf_counter()
    listen(model, params, (second for _ in range(seconds)))
    return {"seconds": time.perf_counter() - begin}


def listen(model, params, pieces):
    """Plays pieces and forgets what comes out."""
    for y in play(model, params, pieces):
        np.asarray(y)


def learned(name, window):
    """Memory of a training step of the A1 recipe, with windows of a given length."""
    recipe = ("+experiment=nam_a1", f"model={name}", f"train.outputs={window}")
    tasks, *values = ours.Learner(ours.jobs(*recipe)).arguments(MEASURED_STEPS)
    compiled = train_steps.lower(tasks, *values).compile()
    jax.block_until_ready(compiled(*values))
    return {"temporaries_mib": compiled.memory_analysis().temp_size_in_bytes / 2**20}


def peak_mib():
    """The most memory this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
