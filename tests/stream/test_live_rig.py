"""What is played live is what the file sounds like, and nothing turned clicks."""

import dataclasses
import gc

import jax
import numpy as np
import pytest
from knobbed import KNOBBED
from random_models import draw_params
from scipy.signal import fftconvolve
from tiny import LSTM, RATE, WAVENET, noise

from jaxamp.core import ConfigError
from jaxamp.dsp.convolution import Convolver
from jaxamp.stream import process
from jaxamp.stream.live import Rig, Settings, Voice
from jaxamp.stream.live.blocks import Blocks
from jaxamp.stream.live.deadline import hardest
from jaxamp.stream.live.rig import CATCH_UP, FADE_SECONDS, REMEMBERED_SECONDS
from jaxamp.stream.live.voice import KNOB_SECONDS

BLOCK = 64
FADE = round(FADE_SECONDS * RATE)
CABINET = noise(300, seed=5) * np.exp(-np.arange(300) / 60)


class Stub:
    """A voice that is a gain after a mean over what it has heard last."""

    model = dataclasses.replace(LSTM, warmup=100)
    name = "stub"

    def __init__(self, gain=1.0, memory=1):
        self.gain, self.memory, self.faults, self.blocks = gain, memory, 0, 0
        self.reset()

    def reset(self):
        self.past = np.zeros(self.memory - 1, np.float32)

    def stir(self):
        pass

    def play(self, x):
        self.blocks += 1
        heard = np.append(self.past, x)
        self.past = heard[heard.size - self.memory + 1 :]
        mean = np.convolve(heard, np.ones(self.memory) / self.memory, "valid")
        return (self.gain * mean).astype(np.float32)


def rig_of(*voices, **options):
    return Rig(voices, block=BLOCK, sample_rate=RATE, **options)


def played(rig, x, changes=None):
    """The signal block by block; `changes` are made before the block of a number."""
    answers = []
    for turn, part in enumerate(x.reshape(-1, BLOCK)):
        if changes and turn in changes:
            rig.set(**changes[turn])
        while rig.tend():
            pass
        answers.append(rig.play(part))
    return np.concatenate(answers)


def low(cycles=30, blocks=300, level=0.5):
    """A sine that has no steps of its own to speak of."""
    t = np.arange(blocks * BLOCK) / (blocks * BLOCK)
    return (level * np.sin(2 * np.pi * cycles * t)).astype(np.float32)


def largest_step(x):
    return float(np.abs(np.diff(x)).max())


# --- the sound ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def voices():
    """Two real ones, compiled once; a rig resets them."""
    return [
        Voice(name, model, draw_params(model, key), block=BLOCK)
        for key, (name, model) in enumerate([("lstm", LSTM), ("wavenet", WAVENET)])
    ]


@pytest.mark.parametrize("index", [0, 1])
def test_blocks_through_the_rig_are_the_file(voices, index):
    x = noise(100 * BLOCK)
    model = voices[index].model
    expected = process(model, draw_params(model, index), x)
    y = played(rig_of(*voices, settings=Settings(voice=index)), x)
    if index == 0:
        np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_the_cabinet_is_the_convolution(voices):
    x = noise(100 * BLOCK)
    dry = played(rig_of(voices[0]), x).astype(np.float64)
    y = played(rig_of(voices[0], cabinet=Convolver(CABINET, BLOCK)), x)
    expected = fftconvolve(dry, CABINET)[: x.size]
    assert np.abs(expected).max() < 1
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_a_model_switched_to_has_heard_the_last_second(voices):
    """After the fade it plays what it would have played all along."""
    x = noise(900 * BLOCK)
    model = voices[1].model
    alone = process(model, draw_params(model, 1), x)
    y = played(rig_of(*voices), x, {800: {"voice": 1}})
    after = 800 * BLOCK + FADE + BLOCK
    np.testing.assert_allclose(y[after:], alone[after:], rtol=0, atol=1e-6)


def test_a_model_that_is_not_heard_does_not_run():
    one, other = Stub(), Stub(0.5)
    played(rig_of(one, other), low())
    assert (one.blocks, other.blocks) == (300, 0)
    rig = rig_of(one, other)
    one.blocks = 0
    played(rig, low(blocks=400), {100: {"voice": 1}})
    fade = -(-FADE // BLOCK)
    assert one.blocks == 100 + fade
    assert other.blocks == 400  # a hundred of them to catch up


def test_only_the_last_second_is_caught_up():
    one, other = Stub(), Stub()
    second = -(-int(REMEMBERED_SECONDS * RATE) // BLOCK)
    played(rig_of(one, other), low(blocks=2000), {1900: {"voice": 1}})
    assert other.blocks == second + 100


# --- turning things -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"voice": 1}, 1.0, -0.8),
        ({"bypass": True}, 0.5, 1.0),
        ({"input_gain": 0.1}, 1.0, 0.1),
        ({"output_gain": 2.0}, 0.5, 1.0),
        ({"cabinet": False}, -0.5, 1.0),
    ],
)
def test_nothing_that_is_turned_clicks(change, before, after):
    """A step is at most the signals' own, and the way between them over the fade.

    |y[n] - y[n-1]| <= max step of either + 1.5 max|b - a| / fade, see `Glide`.
    """
    x = low()
    first = before if "cabinet" not in change else 1.0
    first = 0.5 if "output_gain" in change else first
    cabinet = Convolver([before], BLOCK) if "cabinet" in change else None
    rig = rig_of(Stub(first), Stub(-0.8), cabinet=cabinet)
    y = played(rig, x, {150: change})
    one, two = before * x, after * x
    bound = max(largest_step(one), largest_step(two))
    bound += 1.5 * np.abs(two - one).max() / FADE
    assert largest_step(y) <= bound + 1e-6
    start, end = 150 * BLOCK, 150 * BLOCK + FADE + BLOCK
    np.testing.assert_allclose(y[:start], one[:start], rtol=0, atol=1e-6)
    np.testing.assert_allclose(y[end:], two[end:], rtol=0, atol=1e-6)
    assert not np.allclose(y[start : start + FADE], two[start : start + FADE])


def test_what_is_turned_back_half_way_does_not_click_either():
    x = low()
    y = played(rig_of(Stub(0.2)), x, {100: {"bypass": True}, 107: {"bypass": False}})
    assert largest_step(y) <= largest_step(x) + 2 * 1.5 * 0.8 * 0.5 / FADE
    np.testing.assert_allclose(y[130 * BLOCK :], 0.2 * x[130 * BLOCK :], atol=1e-6)


def test_a_model_that_comes_too_late_is_readied_again():
    rig = rig_of(Stub(1.0), Stub(0.5))
    x = low()
    played(rig, x)
    rig.set(voice=1)
    rig.tend()
    rig._turn += CATCH_UP + 1  # the other thread was not let run
    rig.play(x[:BLOCK])
    assert rig.heard is rig.voices[0], "an offer that comes too late is refused"
    y = played(rig, x)
    assert rig.heard is rig.voices[1]
    np.testing.assert_allclose(y[-100:], 0.5 * x[-100:], atol=1e-6)


def test_a_model_that_does_not_catch_up_is_given_up_and_the_other_plays_on():
    rig = rig_of(Stub(1.0), Stub(0.5))
    x = low()
    played(rig, x)
    rig.set(voice=1)
    while rig.tend():  # while it plays a block, the other plays as many as it lacks
        for _ in range(20):
            rig.play(x[:BLOCK])
    assert rig.too_slow is rig.voices[1]
    assert (rig.settings.voice, rig.heard) == (0, rig.voices[0])
    assert not rig.tend()


def test_a_fault_of_a_model_that_is_being_readied_is_not_heard():
    rig = rig_of(Stub(1.0), Broken())
    x = low()
    played(rig, x)
    rig.set(voice=1)
    while rig.tend():
        rig.play(x[:BLOCK])
    assert rig.voices[1].blocks > 50
    assert rig.muted == 0


def test_a_model_that_is_not_loaded_cannot_be_chosen():
    with pytest.raises(ConfigError, match="no model 3: 2 are loaded"):
        rig_of(Stub(), Stub()).set(voice=2)


# --- knobs --------------------------------------------------------------------------

KNOBS = (0.2, 0.5)
TURN = round(KNOB_SECONDS * RATE)


@pytest.fixture(scope="module")
def knobbed():
    """A voice with two knobs, and what a file is when its knobs go like this."""
    model = KNOBBED["lstm with two knobs"]
    params = jax.tree.map(lambda leaf: 2 * leaf, model.init(jax.random.key(0)))
    voice = Voice("knobs", model, params, block=BLOCK, controls=KNOBS)
    return voice, lambda x, moving: process(model, params, x, controls=moving)


@pytest.fixture
def turned(knobbed):
    """The same as it was at first."""
    voice, file = knobbed
    voice.knobs = KNOBS
    voice.reset()
    return voice, file


def way(before, after, start, blocks):
    """A knob's way, turned before the block of a number."""
    t = np.clip((np.arange(blocks * BLOCK) - start * BLOCK + 1) / TURN, 0, 1)
    return before + (after - before) * t * t * (3 - 2 * t)


def test_a_knob_that_is_turned_goes_there_with_every_sample(turned, monkeypatch):
    voice, file = turned
    rig, x = rig_of(voice), noise(250 * BLOCK)
    compiled, moved = [], voice._player._moving
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **more: (
            "backend_compile" in event and compiled.append(event)
        )
    )
    blocks = []
    monkeypatch.setattr(
        voice._player, "_moving", lambda *a: blocks.append(1) or moved(*a)
    )
    y = played(rig, x[: 100 * BLOCK])
    voice.turn(0, up=True)
    y = np.append(y, played(rig, x[100 * BLOCK : 200 * BLOCK]))
    voice.turn(1, up=False)
    y = np.append(y, played(rig, x[200 * BLOCK :]))
    assert voice.knobs == (0.25, 0.45)
    assert not compiled
    ways = [way(0.2, 0.25, 100, 250), way(0.5, 0.45, 200, 250)]
    expected = file(x, np.stack(ways).astype(np.float32))
    np.testing.assert_allclose(y, np.clip(expected, -1, 1), rtol=0, atol=1e-6)
    assert len(blocks) == 2 * -(-TURN // BLOCK), "it stands still in all others"


def test_turning_back_half_way_has_no_step(turned):
    voice, _ = turned
    values = [np.float32([0.2])]
    for turn in range(12):
        voice.turn(0, up=turn % 2 == 0)  # each time before it is there
        values += [voice._knobs_now(BLOCK)[0].copy() for _ in range(3)]
    assert np.ptp(np.concatenate(values)) > 0.001
    assert largest_step(np.concatenate(values)) <= 1.5 * 0.05 / TURN + 1e-6


def test_knobs_have_ends_and_steps(turned):
    voice, _ = turned
    voice.knobs = (float(np.float32(0.7)), 0.72)
    for up, expected in ((True, (0.75, 0.75)), (False, (0.7, 0.7))):
        voice.turn(0, up)
        voice.turn(1, up)
        assert voice.knobs == pytest.approx(expected)
    for _ in range(25):
        voice.turn(0, up=True)
        voice.turn(1, up=False)
    assert voice.knobs == (1.0, 0.0)


def test_the_deadline_is_measured_with_knobs_that_move(turned, voices, monkeypatch):
    voice, _ = turned

    def still(*_):
        raise AssertionError("it stood still")

    monkeypatch.setattr(voice._player, "_still", still)
    for others in ((), (voices[0],)):
        play = hardest(rig_of(voice, *others))
        for _ in range(3):
            play(noise(BLOCK))
    assert voice.knobs == KNOBS, "nobody turned them"


def test_a_model_that_is_readied_has_its_knobs_where_they_were_turned(turned, voices):
    voice, file = turned
    rig, x = rig_of(voices[0], voice), noise(900 * BLOCK)
    played(rig, x[:BLOCK])
    voice.turn(0, up=True)
    y = played(rig, x[BLOCK:], {799: {"voice": 1}})
    after = 800 * BLOCK + FADE

    def missed(*knobs):
        expected = np.clip(file(x, np.float32(knobs)), -1, 1)
        return np.abs(y[after:] - expected[after + BLOCK :]).max()

    assert missed(0.25, 0.5) < 1e-3  # a cell of it remembers more than a second
    assert missed(*KNOBS) > 5e-3


# --- what must not be heard ---------------------------------------------------------


class Broken(Stub):
    """Gives NaN once, and as a model would, for ever after unless it is reset."""

    def play(self, x):
        return np.full_like(super().play(x), np.nan if self.blocks == 50 else 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_silence(bad):
    x = low().copy()
    x[100 * BLOCK + 3] = bad
    rig = rig_of(Stub(), cabinet=Convolver(CABINET, BLOCK))
    y = played(rig, x)
    assert np.isfinite(y).all()
    assert not y[100 * BLOCK : 101 * BLOCK].any()
    assert rig.muted == 1
    assert largest_step(y[101 * BLOCK :]) < 0.1  # it comes back smoothly
    rig = rig_of(Broken())
    y = played(rig, low())
    assert rig.muted == 1
    assert y[-1] == 0.5


def test_a_model_whose_state_is_spoilt_begins_again(voices):
    voice = voices[0]
    rig = rig_of(voice)
    voice._state = jax.tree.map(
        lambda leaf: leaf * np.nan if leaf.dtype == np.float32 else leaf, voice._state
    )
    x = noise(200 * BLOCK)
    y = played(rig, x)
    assert np.isfinite(y).all()
    assert (rig.muted, voice.faults) == (1, 1)
    expected = process(voice.model, draw_params(voice.model), x)
    np.testing.assert_allclose(y[-1000:], expected[-1000:], rtol=0, atol=1e-3)


def test_what_is_too_loud_is_cut_at_full_scale_and_counted():
    rig = rig_of(Stub(4.0))
    y = played(rig, low())
    assert np.abs(y).max() == 1
    assert rig.output.clipped == np.count_nonzero(np.abs(4 * low()) >= 1 - 2**-15)
    assert rig.input.clipped == 0
    assert rig.input.peak() == pytest.approx(0.5, abs=1e-3)
    assert rig.input.peak() == 0


# --- the host -----------------------------------------------------------------------


def test_whole_blocks_are_not_delayed():
    x = low()
    blocks = Blocks(lambda part: 2 * part, BLOCK)
    y = np.concatenate([blocks(x[: 3 * BLOCK]), blocks(x[3 * BLOCK : 4 * BLOCK])])
    np.testing.assert_array_equal(y, 2 * x[: 4 * BLOCK])
    assert blocks.lag == 0


def test_other_numbers_of_samples_lag_by_less_than_a_block():
    x, taken = low(), []
    blocks = Blocks(lambda part: taken.append(part.size) or 2 * part, BLOCK)
    sizes = [BLOCK, 1, 200, 63, 64, 65, 2 * BLOCK, 7, 0, 300]
    parts = np.split(x, np.cumsum(sizes))[: len(sizes)]
    y = np.concatenate([blocks(part) for part in parts])
    assert set(taken) == {BLOCK}
    assert blocks.lag == BLOCK - 1
    whole = np.concatenate(parts)
    assert y.size == whole.size
    np.testing.assert_array_equal(y[:BLOCK], 2 * whole[:BLOCK])
    np.testing.assert_array_equal(
        y[BLOCK + blocks.lag :], 2 * whole[BLOCK : whole.size - blocks.lag]
    )


def test_nothing_is_taken_and_not_given_back(voices, turned):
    """A callback makes no garbage that only a search would find: it is switched off."""
    rig = rig_of(*voices, cabinet=Convolver(CABINET, BLOCK))
    rig_of_knobs = rig_of(turned[0])
    x = noise(200 * BLOCK)
    played(rig, x)
    gc.collect()
    gc.disable()
    try:
        played(rig, x, {50: {"voice": 1}, 60: {"bypass": True}})
        voice = turned[0]
        for _ in range(5):
            voice.turn(0, up=True)
            played(rig_of_knobs, x[: 20 * BLOCK])
        assert gc.collect() < 20
    finally:
        gc.enable()
