"""Exported graphs played by onnxruntime."""

import jax
import numpy as np
import onnxruntime
from random_models import draw_params

from jaxamp import formats


def modest(model, seed=0):
    """Random parameters small enough that no rounding error grows on its way."""
    return jax.tree.map(lambda leaf: 0.4 * leaf, draw_params(model, seed))


def noise(samples, batch=1):
    """Audio `[batch, 1, samples]`."""
    random = np.random.default_rng(1)
    return (0.3 * random.standard_normal((batch, 1, samples))).astype(np.float32)


def session(path):
    """The graph in a file, on one thread; defaults of inputs are not warned of."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options)


def written(folder, model, params, format, **options):
    """The session of a model that is written first."""
    path = folder / f"{format}.onnx"
    formats.write(path, model, params, format=format, **options)
    return session(path)


def offline(graph, x):
    """What the graph answers to a whole signal."""
    (y,) = graph.run(None, {"x": x})
    return y


def streamed(graph, x, lengths):
    """What the graph answers block by block, each as long as the next of lengths."""
    names = [output.name for output in graph.get_outputs()]
    state, pieces = {}, []
    for block in np.split(x, np.cumsum(lengths)[:-1], axis=2):
        y, *parts = graph.run(names, {"x": block, **state})
        pieces.append(y)
        following = zip(names[1:], parts, strict=True)
        state = {name.removeprefix("next."): part for name, part in following}
    return np.concatenate(pieces, axis=2)
