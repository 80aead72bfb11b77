"""The bass, middle and treble knobs of most tube amps, solved from their circuit.

Three capacitors, three pots and one resistor, as Fender and Marshall built them: each
knob moves the others' frequencies, and the middle is scooped at most settings. What
the parts measure is learned, and so is how each pot turns.
"""

from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.drawn import parameter
from jaxamp.layers.state_space import StateSpace, filtered


class Parts(NamedTuple):
    """What is soldered in: kiloohms and nanofarads."""

    treble_pot: float | Array
    bass_pot: float | Array
    middle_pot: float | Array
    slope_resistor: float | Array
    treble_capacitor: float | Array
    bass_capacitor: float | Array
    middle_capacitor: float | Array


PARTS: Mapping[str, Parts] = {
    "bassman": Parts(250, 1000, 25, 56, 0.25, 20, 20),
    "twin": Parts(250, 250, 10, 100, 0.25, 100, 47),
    "jcm800": Parts(220, 1000, 22, 33, 0.47, 22, 22),
}
"""name -> the parts of Fender's 5F6-A and AB763, and of Marshall's 2203"""

POTS = ("bass", "mid", "treble")

LOG_TAPER = 2.2
"""By how much an audio pot lags: half turned, a tenth of it is in use."""

INITIAL_TAPER = {"bass": LOG_TAPER, "mid": 0.0, "treble": 0.0}

STOP = 0.002
"""How much of a pot is left at its stops. Without it bass at nothing and middle at all
join two capacitors, whose difference then swings at half the sample rate for ever."""

MOST = 3.0
"""Parts stay within e to this power, a factor of 20, of what they began as."""


class ToneStack(nn.Module):
    """The circuit with parts, tapers and resting knobs that are learned.

    It is computed in single precision whatever the network around it is computed in.

    Shapes:
        x `[b, 1, t]`, knobs: name out of `POTS` -> `[b, t]`, or `[b, 1]` for one that
        rests; those that are missing rest where it is learned. State `[b, 3]`
        -> y `[b, 1, t]`, state
    """

    circuit: str
    sample_rate: int
    learned: tuple[str, ...] = ()
    """The pots that no knob turns."""

    @nn.compact
    def __call__(
        self, x: Array, knobs: Mapping[str, Array], state: Array
    ) -> tuple[Array, Array]:
        drift = parameter(self, "parts", nn.initializers.zeros, (len(Parts._fields),))
        taper = parameter(self, "taper", initial_taper, (len(POTS),))
        wide = jnp.float32
        turned = dict(knobs)
        if self.learned:
            rest = parameter(self, "rest", nn.initializers.zeros, (len(self.learned),))
            places = jax.nn.sigmoid(rest.astype(wide))
            turned |= {
                name: place[None, None]
                for name, place in zip(self.learned, places, strict=True)
            }
        nominal = jnp.asarray(PARTS[self.circuit], wide)
        parts = Parts(*(nominal * drifted(drift.astype(wide))))
        wipers = {
            name: wiper(turned[name].astype(wide), taper[index].astype(wide))
            for index, name in enumerate(POTS)
        }
        by = tone_stack(parts, self.sample_rate, **wipers)
        y, end = filtered(x[:, 0].astype(wide), by, state.astype(wide))
        return y[:, None].astype(x.dtype), end.astype(state.dtype)


def initial_taper(key: Array, shape: tuple[int, ...]) -> Array:
    """As such amps are built: the bass pot is an audio pot, the others are linear."""
    del key, shape  # nothing is drawn
    return jnp.asarray([INITIAL_TAPER[name] for name in POTS], jnp.float32)


def drifted(drift: Array) -> Array:
    """What each part measures, as a factor: positive, 1 at the start, bounded."""
    return jnp.exp(MOST * jnp.tanh(drift / MOST))


def wiper(turn: Array, taper: Array) -> Array:
    """How much of a pot is in use at a turn of its knob."""
    return STOP + (1 - 2 * STOP) * tapered(turn, taper)


def tapered(turn: Array, taper: Array) -> Array:
    """How far the wiper is when the knob is turned so far, both 0 to 1.

    From stop to stop without a break: 0 for a linear pot, above it the pot lags as
    audio pots do. Its slope is finite everywhere, which that of a power is not.
    """
    return turn / (turn + jnp.exp(taper) * (1 - turn))


def tone_stack(
    parts: Parts, sample_rate: int, *, bass: Array, mid: Array, treble: Array
) -> StateSpace:
    """The circuit as a filter for each sample, by the trapezoidal rule.

    Each capacitor becomes its resistance at the sample rate in series with a voltage
    that it remembers; what is left is a network of resistors, solved for the three
    currents through the capacitors. All pots may stand at either end. Every product in
    the determinant is added, none taken away, so nothing cancels in single precision.

    The states are the remembered voltages over the root of those resistances: waves
    of power, of which a network of resistors only takes away. So the energy of the
    states never grows without sound, however the knobs move.

    Args:
        bass, mid, treble: How much of each pot is in use, 0 to 1, `[b, t]`.

    Source:
        Yeh & Smith 2006, "Discretization of the '59 Fender Bassman tone stack",
        DAFx-06, for the circuit; Fettweis 1986, "Wave digital filters", for the waves.
    """
    bass, mid, treble = jnp.broadcast_arrays(bass, mid, treble)
    half = 1e6 / (2 * sample_rate)  # half a sample, in kiloohms times nanofarads
    capacitors = (parts.treble_capacitor, parts.bass_capacitor, parts.middle_capacitor)
    d = [half / jnp.asarray(farads) for farads in capacitors]
    top = parts.treble_pot
    a = top + d[0]
    b = parts.bass_pot * bass + parts.middle_pot * (1 - mid)
    low = parts.middle_pot * mid
    currents = conductances(a, b, low, parts.slope_resistor, d[1], d[2])
    root = jnp.sqrt(jnp.stack(d))[:, None, None]
    change = -2 * root[:, None] * currents * root[None]
    of_source = jnp.sum(currents, axis=1)
    heard = jnp.stack([top * treble + b + low, b + low, low])
    leaving = jnp.sum(heard[:, None] * currents, axis=0)
    return StateSpace(
        change=change,
        entry=2 * root * of_source,
        exit=-root * leaving,
        through=jnp.sum(heard * of_source, axis=0),
    )


def conductances(
    a: Array, b: Array, low: Array, slope: float | Array, d2: Array, d3: Array
) -> Array:
    """The current through each capacitor for a volt in series with each other.

    Three loops, one over each capacitor: the treble capacitor and pot `a`, bass pot
    and upper part of the middle pot `b`, its lower part `low`; slope resistor, bass
    capacitor `d2`, `b`, `low`; slope resistor, middle capacitor `d3`, `low`.

    Shapes:
        six resistances `[b, t]` or numbers -> `[3, 3, b, t]`
    """
    parallel = slope * (d2 + d3) + d2 * d3
    first = (slope + low) * (b + d2 + d3) + (b + d2) * d3
    determinant = a * first + (b + low) * parallel + b * low * (d2 + slope)
    across_12 = -(b * (slope + low + d3) + low * d3)
    across_13 = b * slope - low * d2
    across_23 = -((a + b + low) * slope + a * low)
    second = (a + b) * (slope + low + d3) + low * (slope + d3)
    third = (a + b + low) * (slope + d2) + a * (b + low)
    rows = (
        (first, across_12, across_13),
        (across_12, second, across_23),
        (across_13, across_23, third),
    )
    return jnp.stack([jnp.stack(jnp.broadcast_arrays(*r)) for r in rows]) / determinant
