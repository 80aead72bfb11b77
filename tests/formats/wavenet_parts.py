"""WaveNets with the rarer parts of .nam files, drawn for property tests."""

from hypothesis import strategies as st

from jaxamp.models.layer_array import FILM_SLOTS

GATING = st.sampled_from(["none", "gated", "blended"])
ACTIVATIONS = st.sampled_from(
    [
        "Tanh",
        "SiLU",
        "Hardswish",
        {"type": "LeakyReLU", "negative_slope": 0.2},
        {"type": "PReLU", "negative_slopes": [0.1, -0.2, 0.3, 0.4]},
        {"type": "LeakyHardtanh", "min_val": -0.5, "max_slope": 0.3},
    ]
)
CONVNET = {"channels": 2, "dilations": [1, 2], "activation": "Tanh"}
GROUPS = st.sampled_from([1, 2])


def listed(items, length):
    return st.lists(items, min_size=length, max_size=length)


@st.composite
def arrays(draw, condition_size, head_size):
    """One array of four channels, with any of the parts."""
    layers = draw(st.integers(1, 2))
    even = condition_size % 2 == 0
    layer1x1 = draw(st.none() | st.fixed_dictionaries({"groups": GROUPS}))
    mix = {"out_channels": st.sampled_from([2, 6]), "groups": GROUPS}
    head1x1 = draw(st.none() | st.fixed_dictionaries(mix))
    film = {"shift": st.booleans(), "groups": GROUPS if even else st.just(1)}
    mixes = {"layer1x1_post_film": layer1x1, "head1x1_post_film": head1x1}
    slots = [slot for slot in FILM_SLOTS if mixes.get(slot, True)]
    chosen = draw(st.lists(st.sampled_from(slots), unique=True, max_size=3))
    return {
        "channels": 4,
        "dilations": draw(listed(st.integers(1, 9), layers)),
        "kernel_size": draw(listed(st.integers(1, 3), layers)),
        "activation": draw(listed(ACTIVATIONS, layers)),
        "head_size": head_size,
        "head_kernel_size": draw(st.sampled_from([1, 3])),
        "head_bias": draw(st.booleans()),
        "bottleneck": 4,
        "gating": draw(listed(GATING, layers)),
        "secondary_activation": draw(listed(ACTIVATIONS, layers)),
        "groups": draw(GROUPS),
        "mixin_groups": draw(GROUPS) if even else 1,
        "layer1x1": layer1x1,
        "head1x1": head1x1,
        "film": {slot: draw(st.fixed_dictionaries(film)) for slot in chosen},
        "allowed_channels": draw(st.sampled_from([[], [1, 2, 4]])),
    }


@st.composite
def wavenets(draw, outputs=1, nested=False):
    """Hyperparameters, with a head after all or a condition where they are drawn."""
    condition, size = None, 1
    if not nested:
        size = draw(st.sampled_from([1, 2]))
        other = wavenets(outputs=size, nested=True).map(
            lambda options: {"architecture": "WaveNet", "hyperparameters": options}
        )
        simple = {"architecture": "ConvNet", "hyperparameters": CONVNET}
        condition = draw(other if size > 1 else st.none() | other | st.just(simple))
    head = {
        "kernel_sizes": st.lists(st.integers(1, 3), min_size=1, max_size=2),
        "channels": st.integers(1, 3),
        "activation": st.sampled_from(["Tanh", "ReLU"]),
        "out_channels": st.just(outputs),
    }
    head = draw(st.none() | st.fixed_dictionaries(head))
    return {
        "arrays": [draw(arrays(size, outputs if head is None else 3))],
        "head_scale": draw(st.floats(1e-3, 10)),
        "head": head,
        "condition": condition,
    }
