"""The tone stack: the circuit of the textbooks, exact, stable and learnable."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from tiny import RATE, noise

from jaxamp.layers import ToneStack, filtered, tapered, tone_stack
from jaxamp.layers.state_space import states, walked
from jaxamp.layers.tone_stack import PARTS

LENGTH = 2_000
CORNERS = [
    *itertools.product((0.0, 1.0), repeat=3),
    (0.5, 0.5, 0.5),
    (0.002, 0.998, 0.998),
]


def yeh_and_smith(parts, bass, mid, treble):
    """The published transfer function: coefficients of b and a, highest power first."""
    R1, R2, R3, R4, C1, C2, C3 = np.array(parts) * ([1e3] * 4 + [1e-9] * 3)
    t, m, low = treble, mid, bass
    b1 = t * C1 * R1 + m * C3 * R3 + low * (C1 * R2 + C2 * R2) + (C1 * R3 + C2 * R3)
    b2 = (
        t * (C1 * C2 * R1 * R4 + C1 * C3 * R1 * R4)
        - m**2 * (C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + m * (C1 * C3 * R1 * R3 + C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + low * (C1 * C2 * R1 * R2 + C1 * C2 * R2 * R4 + C1 * C3 * R2 * R4)
        + low * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        + (C1 * C2 * R1 * R3 + C1 * C2 * R3 * R4 + C1 * C3 * R3 * R4)
    )
    CCC = C1 * C2 * C3
    b3 = CCC * (
        low * m * (R1 * R2 * R3 + R2 * R3 * R4)
        + (m - m**2) * (R1 * R3**2 + R3**2 * R4)
        + t * R1 * R3 * R4
        - t * m * R1 * R3 * R4
        + t * low * R1 * R2 * R4
    )
    a1 = (
        (C1 * R1 + C1 * R3 + C2 * R3 + C2 * R4 + C3 * R4)
        + m * C3 * R3
        + low * (C1 * R2 + C2 * R2)
    )
    a2 = (
        m * (C1 * C3 * R1 * R3 - C2 * C3 * R3 * R4 + C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + low * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        - m**2 * (C1 * C3 * R3**2 + C2 * C3 * R3**2)
        + low * (C1 * C2 * R2 * R4 + C1 * C2 * R1 * R2)
        + low * (C1 * C3 * R2 * R4 + C2 * C3 * R2 * R4)
        + (C1 * C2 * R1 * R4 + C1 * C3 * R1 * R4 + C1 * C2 * R3 * R4)
        + (C1 * C2 * R1 * R3 + C1 * C3 * R3 * R4 + C2 * C3 * R3 * R4)
    )
    a3 = CCC * (
        low * m * (R1 * R2 * R3 + R2 * R3 * R4)
        - m**2 * (R1 * R3**2 + R3**2 * R4)
        + m * (R3**2 * R4 + R1 * R3**2 - R1 * R3 * R4)
        + low * R1 * R2 * R4
        + R1 * R3 * R4
    )
    return [b3, b2, b1, 0.0], [a3, a2, a1, 1.0]


def turned(*knobs):
    """bass, mid and treble as the circuit takes them."""
    names = ("bass", "mid", "treble")
    return {
        name: jnp.atleast_2d(jnp.asarray(knob, jnp.float32))
        for name, knob in zip(names, knobs, strict=True)
    }


@jax.jit
def played(x, knobs, parts=PARTS["bassman"]):
    return filtered(x, tone_stack(parts, RATE, **knobs), jnp.zeros((x.shape[0], 3)))[0]


@pytest.mark.parametrize("name", PARTS)
def test_it_is_the_published_circuit_by_the_bilinear_rule(name):
    x = noise(LENGTH)
    for knobs in CORNERS:
        b, a = yeh_and_smith(PARTS[name], *knobs)
        digital = scipy.signal.bilinear(b, a, RATE)
        expected = scipy.signal.lfilter(*digital, x.astype(np.float64))
        y = played(x[None], turned(*knobs), PARTS[name])[0]
        # 90 dB below the sound at the very stops, where two capacitors may be joined
        atol = 1e-5 if {0.0, 1.0} & {*knobs} else 1e-6
        np.testing.assert_allclose(y, expected, rtol=0, atol=atol, err_msg=str(knobs))


def gain_db(frequencies, *knobs):
    b, a = yeh_and_smith(PARTS["bassman"], *knobs)
    _, heard = scipy.signal.freqs(b, a, 2 * np.pi * np.asarray(frequencies))
    return 20 * np.log10(np.abs(heard))


def loudness(frequency, *knobs):
    """Of a sine once it has settled, in decibels."""
    seconds = np.arange(RATE // 2) / RATE
    x = np.sin(2 * np.pi * frequency * seconds).astype(np.float32)
    y = np.asarray(played(x[None], turned(*knobs))[0, RATE // 4 :])
    return 10 * np.log10(2 * np.mean(np.square(y, dtype=np.float64)))


def test_bass_and_treble_up_scoop_the_middle():
    low, middle, high = (loudness(f, 1.0, 0.0, 1.0) for f in (60, 500, 6_000))
    assert middle < low - 15
    assert middle < high - 15
    # What the bilinear rule bends at 6 kHz of 24 is a tenth of a decibel.
    np.testing.assert_allclose(
        [low, middle, high], gain_db([60, 500, 6_000], 1.0, 0.0, 1.0), atol=0.1
    )


def test_no_move_of_the_knobs_makes_the_circuit_louder_by_itself():
    random = np.random.default_rng(0)
    jumps = random.integers(0, 2, (3, 1, LENGTH)).astype(np.float32)
    first = jnp.asarray([[1.0], [-2.0], [3.0]])

    @jax.jit
    def left_alone(knobs):
        change = tone_stack(PARTS["jcm800"], RATE, **knobs).change
        return walked(change.transpose(3, 0, 1, 2), jnp.zeros((LENGTH, 3, 1)), first)[0]

    z = left_alone(turned(*jumps))
    energy = np.sum(np.square(z, dtype=np.float64), axis=(1, 2))
    assert np.all(energy[1:] <= energy[:-1] * (1 + 1e-6))
    assert energy[-1] < 0.5 * energy[0]


def test_a_circuit_that_rests_moves_nowhere():
    x, knobs = noise(LENGTH)[None], turned(0.3, 0.6, 0.9)
    moving = {name: jnp.tile(knob, (1, LENGTH)) for name, knob in knobs.items()}
    np.testing.assert_allclose(played(x, moving), played(x, knobs), rtol=0, atol=1e-6)


def test_gradients_by_hand_are_those_of_jax():
    random = np.random.default_rng(1)
    for moving in ((), (40,)):
        change = jnp.asarray(-0.1 * random.uniform(size=(*moving, 3, 3, 2)))
        driven, first = random.normal(size=(40, 3, 2)), random.normal(size=(3, 2))
        weight = random.normal(size=(40, 3, 2))

        def judged(run, *given, weight=weight):
            before, end = run(*given)
            return jnp.sum(before * weight) + jnp.sum(end**2)

        given = (change, jnp.asarray(driven), jnp.asarray(first))
        ours, plain = (
            jax.jit(jax.grad(partial(judged, run), (0, 1, 2)))(*given)
            for run in (states, walked)
        )
        for a, b in zip(ours, plain, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_knobs_at_their_stops_can_be_learned_from():
    x, stack = noise(200)[None, None], ToneStack("twin", RATE, learned=("mid",))

    def energy(given, knobs):
        return jnp.sum(stack.apply(given, x, knobs, jnp.zeros((1, 3)))[0] ** 2)

    slopes = jax.jit(jax.grad(energy, (0, 1)))
    given = {"parts": jnp.zeros(7), "taper": jnp.zeros(3), "rest": jnp.zeros(1)}
    for stop in (0.0, 1.0):
        knobs = {name: jnp.full((1, 1), stop) for name in ("bass", "treble")}
        for slope in jax.tree.leaves(slopes({"params": given}, knobs)):
            assert np.all(np.isfinite(slope))
            assert np.any(np.asarray(slope) != 0)


def test_a_pot_turns_from_stop_to_stop_one_way():
    turn = jnp.linspace(0, 1, 101)
    for taper in (-3.0, 0.0, 2.2):
        place = np.asarray(tapered(turn, jnp.asarray(taper)))
        assert place[0] == 0
        assert place[-1] == 1
        assert np.all(np.diff(place) > 0)
    assert tapered(0.5, jnp.asarray(2.2)) == pytest.approx(0.1, abs=0.01)
