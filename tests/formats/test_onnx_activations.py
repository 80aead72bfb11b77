"""Each activation of a graph computes what the model's own does."""

import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest

from jaxamp.core import ACTIVATION_OPTIONS
from jaxamp.formats.onnx.activations import activate
from jaxamp.formats.onnx.graph import Graph
from jaxamp.layers import activation

OTHERS = {
    "LeakyReLU": {"negative_slope": -0.3},
    "PReLU": {"negative_slopes": [0.5]},
    "LeakyHardtanh": {
        "min_val": -0.5,
        "max_val": 0.25,
        "min_slope": 0.2,
        "max_slope": -0.1,
    },
}
"""Options far from the usual ones; slopes may fall."""

SPECS = [
    *ACTIVATION_OPTIONS,
    *({"type": name, **rest} for name, rest in OTHERS.items()),
]

LABELS = {"jaxamp_version": "0"}


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_an_activation_is_the_same_curve_everywhere(spec):
    graph = Graph(stream=False)
    file = graph.finish(activate(graph, spec, "x"), LABELS)
    x = np.linspace(-8, 8, 3201, dtype=np.float32)[None, None]
    (y,) = onnxruntime.InferenceSession(file).run(None, {"x": x})
    expected = activation(spec)(jnp.asarray(x))
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
