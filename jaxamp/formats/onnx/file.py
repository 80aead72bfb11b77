"""Whole .onnx files, for `onnxruntime` and whatever else runs ONNX graphs.

The library is imported when a file is written, and needed for nothing else.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxamp.core import ConfigError, FormatError, Model, Params, State
from jaxamp.formats.files import replace_file


def write_offline(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a graph that plays a whole signal, from silence.

    Shapes of the graph:
        x `[batch, 1, samples]`, and where there are knobs controls `[batch, knobs]`,
        by default in the middle -> y `[batch, 1, samples]`

    Args:
        metadata: What to say about the amp; anything that can be written as JSON.

    Raises:
        FormatError: The graph cannot hold the model, or these are not its parameters.
        ConfigError: No JSON, or the `onnx` package is missing.
    """
    save(path, model, params, metadata, stream=False)


def write_stream(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a graph that plays the next block, of any length.

    Each part of the state is an input NAME and an output `next.NAME`. An input that is
    not given is silence, with the knobs in the middle: the file holds it as that
    input's default.

    Shapes of the graph:
        x `[batch, 1, samples]`, state, and where there are knobs controls
        `[batch, knobs]` -> y `[batch, 1, samples]`, next state; a past of a convolution
        is `[batch, channels, reach]`, a recurrent layer's state `[batch, hidden]`. A
        convolution of one sample has no past.

    Args:
        metadata: What to say about the amp; anything that can be written as JSON.

    Raises:
        FormatError: The graph cannot hold the model, or these are not its parameters.
        ConfigError: No JSON, or the `onnx` package is missing.
    """
    save(path, model, params, metadata, stream=True)


def save(
    path: str | os.PathLike[str],
    model: Model,
    params: Params,
    metadata: Mapping[str, Any] | None,
    *,
    stream: bool,
) -> None:
    """Writes the graph once the library's own checker has passed it."""
    said = labels(model, metadata)
    require_onnx()
    from jaxamp.formats.onnx.emitters import emitter  # noqa: PLC0415
    from jaxamp.formats.onnx.graph import Graph  # noqa: PLC0415 (imports onnx)

    emit = emitter(model.architecture)
    params = checked(model, params)
    graph, x = Graph(stream=stream), "x"
    # Silence sounds different with other knobs, so a whole signal begins with hearing
    # it; whoever streams goes on from a state of his own.
    quiet = model.warmup if model.controls and not stream else 0
    if quiet:
        x = graph.after_silence(x, quiet)
    y = emit(graph, model.hyperparameters, params, settled(model, params), x)
    if quiet:
        y = graph.without_first(y, quiet)
    replace_file(Path(path), graph.finish(y, said))


def labels(model: Model, metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """What the file says of the model; every value is a text."""
    from importlib.metadata import version  # noqa: PLC0415

    try:
        said = json.dumps(dict(metadata or {}), allow_nan=False)
    except (TypeError, ValueError) as problem:
        raise ConfigError(
            f"Metadata cannot be written as JSON: {problem}. Give texts and finite "
            "numbers."
        ) from None
    knobs = {"controls": json.dumps(model.controls)} if model.controls else {}
    return {
        "architecture": model.architecture,
        "sample_rate": str(model.sample_rate),
        "receptive_field": str(model.receptive_field),
        "latency": str(model.latency),
        "metadata": said,
        "jaxamp_version": version("jaxamp"),
        **knobs,
    }


def require_onnx() -> None:
    """Raises ConfigError where the library is missing."""
    try:
        import onnx  # noqa: F401, PLC0415 (an optional extra)
    except ImportError:
        raise ConfigError(
            "Writing .onnx files needs the onnx package, which is not installed. "
            "Install it: pip install 'jaxamp[onnx]'."
        ) from None


def checked(model: Model, params: Params) -> Params:
    """The parameters as NumPy's float32.

    Raises:
        FormatError: They are another model's, or not finite.
    """
    import jax  # noqa: PLC0415 (slow to import)

    wanted = jax.eval_shape(model.init, jax.random.key(0))
    shapes = [jax.tree.map(np.shape, tree) for tree in (wanted, params)]
    if shapes[0] != shapes[1]:
        raise FormatError(
            f"The parameters do not fit this {model.architecture}. "
            "Give the parameters of this very model."
        )
    found = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), params)
    leaves = jax.tree.leaves(found)
    odd = sum(np.count_nonzero(~np.isfinite(leaf)) for leaf in leaves)
    if odd:
        raise FormatError(
            f"{odd} of {sum(leaf.size for leaf in leaves)} parameters are not finite: "
            "the training diverged. Keep an earlier checkpoint, or train again with a "
            "lower learning rate."
        )
    return found


def settled(model: Model, params: Params) -> State:
    """The state of silence, in NumPy's arrays."""
    import jax  # noqa: PLC0415

    from jaxamp.core import silence  # noqa: PLC0415 (imports JAX)

    return jax.tree.map(np.asarray, silence(model, params, 1))
