"""Small models with knobs, for tests of what goes with them."""

from jaxamp.models import recurrent

KNOBBED = {
    "lstm with two knobs": recurrent(hidden=[5], skip=True, controls=["gain", "tone"]),
    "gru with a knob": recurrent(cell="GRU", hidden=[4, 3], controls=["gain"]),
}
