"""The grey box: which knob plays which part, what is learned, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.signal
from tiny import RATE, noise

from jaxamp.core import ConfigError, FormatError
from jaxamp.formats import FORMATS, players, write
from jaxamp.formats.nam import write_nam
from jaxamp.layers import ToneStack
from jaxamp.models import greybox, output_layer, scale_output
from jaxamp.models.networks.greybox import Gain
from jaxamp.stream import step

KNOBS = ("gain", "bass", "mid", "treble")


def small(**options):
    return greybox(**{"preamp": 2, "power_amp": 2, "controls": KNOBS, **options})


def shapes(model):
    return jax.eval_shape(model.init, jax.random.key(0))


def test_a_part_without_a_knob_rests_where_it_is_learned():
    assert "rest" not in shapes(small())["tone_stack"]
    found = shapes(small(controls=["gain", "treble"]))
    assert found["tone_stack"]["rest"].shape == (2,)
    assert "gain" not in shapes(small(controls=["bass"]))
    assert shapes(small(controls=[]))["tone_stack"]["rest"].shape == (3,)


def test_a_knob_of_no_part_is_heard_by_the_power_amp():
    one = small(controls=[*KNOBS, "master"])
    heard = shapes(one)["power_cells"]["input_weight"].shape[1]
    assert heard == 1 + shapes(small())["power_cells"]["input_weight"].shape[1] == 2
    assert one.macs_per_sample == small().macs_per_sample + 3 * 2


def test_every_multiplication_is_counted():
    # GRUs of 12 and 8 hear two channels and one; each mix weighs them and the skip
    cells = 3 * 12 * (2 + 12) + 3 * 8 * (1 + 8)
    assert greybox(controls=KNOBS).macs_per_sample == cells + 13 + 9 + 1 + 17


def test_parts_are_given_to_the_amps_knobs_and_no_others():
    with pytest.raises(ConfigError, match=r"gain='drive'.*gain, bass, mid, treble"):
        small(gain="drive")
    with pytest.raises(ConfigError, match="'bass' was given two parts"):
        small(mid="bass")
    with pytest.raises(ConfigError, match="bassman, jcm800, twin"):
        small(tone_stack="vox")
    with pytest.raises(ConfigError, match="preamp=0"):
        small(preamp=0)
    assert small(controls=["drive"], gain="drive").controls == ("drive",)


def test_a_gain_knob_turns_one_way_and_can_be_learned_from_at_its_stops():
    x, turn = jnp.ones((1, 1, 5)), jnp.linspace(0, 1, 5)[None]
    for taper in (-2.0, 0.0, 2.0):
        given = {"params": {"range": jnp.asarray(0.5), "taper": jnp.asarray(taper)}}
        louder = Gain().apply(given, x, turn)
        assert louder[0, 0, 0] == 1
        assert np.all(np.diff(louder[0, 0]) > 0)
    slopes = jax.grad(lambda g, k: jnp.sum(Gain().apply(g, x, k)), (0, 1))(given, turn)
    assert all(np.all(np.isfinite(one)) for one in jax.tree.leaves(slopes))
    assert np.all(slopes[1] > 0)


def test_scaled_it_is_the_same_amp_louder():
    model = small()
    params = model.init(jax.random.key(0))
    assert output_layer(model) == "power_amp"
    louder, scaled = scale_output(model, params, 2.0)
    x = noise(60).reshape(1, 1, -1)
    y, _ = step(model, params, x, model.init_state(params, 1))
    z, _ = step(louder, scaled, x, louder.init_state(scaled, 1))
    np.testing.assert_allclose(z, 2 * y, rtol=0, atol=1e-5)


def test_the_circuit_finds_the_parts_of_another():
    # told what comes out at eight settings, it answers at settings it was never told
    stack, random = ToneStack("jcm800", RATE), np.random.default_rng(0)
    # lows as loud as in music: of white noise nobody would hear the bass knob
    x = scipy.signal.lfilter([0.1], [1, -0.97], noise(4_000)).reshape(8, 1, 500)
    x = jnp.asarray(x, jnp.float32)
    names = ("bass", "mid", "treble")
    told, unseen = random.uniform(size=(2, 3, 8, 1)).astype(np.float32)
    truth = {
        "parts": jnp.asarray([0.3, -0.4, 0.5, 0.4, -0.5, 0.3, -0.3]),
        "taper": jnp.asarray([1.0, 0.7, -0.7]),
    }

    def played(params, places):
        knobs = dict(zip(names, places, strict=True))
        return stack.apply({"params": params}, x, knobs, jnp.zeros((8, 3)))[0]

    def wrong(params, places):
        y = played(truth, places)
        return jnp.sum((played(params, places) - y) ** 2) / jnp.sum(y**2)

    adam = optax.adam(optax.cosine_decay_schedule(0.03, 300))

    @jax.jit
    def learned(params):
        def once(carry, _):
            params, memory = carry
            updates, memory = adam.update(jax.grad(wrong)(params, told), memory)
            return (optax.apply_updates(params, updates), memory), None

        (params, _), _ = jax.lax.scan(once, (params, adam.init(params)), length=300)
        return params

    before = {"parts": jnp.zeros(7), "taper": jnp.asarray([2.2, 0.0, 0.0])}
    after, judged = learned(before), jax.jit(wrong)
    assert judged(before, unseen) > 0.03
    assert judged(after, unseen) < judged(before, unseen) / 20


def test_no_player_is_given_a_grey_box_and_all_are_told_what_to_do(tmp_path):
    model = small()
    params = model.init(jax.random.key(0))
    for name, row in FORMATS.items():
        with pytest.raises(FormatError, match=r"tone stack.*data=teacher.*gain: 0\.5"):
            write(tmp_path / f"amp{row.suffix}", model, params, format=name)
    with pytest.raises(FormatError, match="tone stack"):
        write_nam(tmp_path / "amp.nam", model, params)
    assert not list(tmp_path.iterdir())
    assert all(said.startswith("no: ") for said in players(model).values())
