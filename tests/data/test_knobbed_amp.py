"""The virtual amp with knobs: the same truth at every setting and while they move."""

import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.data.knobbed_amp import BLOCK, KNOBS, knobbed_amp

RATE = 48_000
LENGTH = RATE // 2
MIDDLE = np.full(4, 0.5)


def noise(peak=0.3, length=LENGTH):
    return np.random.default_rng(0).uniform(-peak, peak, length).astype(np.float32)


def sine(frequency, peak):
    seconds = np.arange(LENGTH) / RATE
    return (peak * np.sin(2 * np.pi * frequency * seconds)).astype(np.float32)


def at(**knobs):
    return np.array([knobs.get(name, 0.5) for name in KNOBS])


def settled(y):
    """Power of each frequency, 4 Hz apart, of the second half."""
    half = y[LENGTH // 2 :].astype(np.float64)
    return np.abs(np.fft.rfft(half * np.blackman(len(half)))) ** 2


def band(y, low, high):
    bins = np.arange(LENGTH // 4 + 1) * 4
    return 10 * np.log10(settled(y)[(bins >= low) & (bins < high)].sum())


def test_two_renderings_have_the_same_bytes():
    x = noise()
    assert knobbed_amp(x, MIDDLE).tobytes() == knobbed_amp(x, MIDDLE).tobytes()


def test_a_knob_that_rests_is_one_that_moves_nowhere():
    x, knobs = noise(length=2 * BLOCK + 7), at(gain=0.9, treble=0.1)
    moving = np.repeat(knobs[:, None], len(x), axis=1)
    np.testing.assert_array_equal(knobbed_amp(x, moving), knobbed_amp(x, knobs))


def test_blocks_leave_no_seam():
    x = noise(length=2 * BLOCK + 7)
    before = knobbed_amp(x[: BLOCK + 5], MIDDLE)
    np.testing.assert_array_equal(before, knobbed_amp(x, MIDDLE)[: BLOCK + 5])


def test_neither_sound_nor_knob_is_heard_early():
    x, moving = noise(), np.repeat(MIDDLE[:, None], LENGTH, axis=1)
    y = knobbed_amp(x, moving)
    louder, turned = x.copy(), moving.copy()
    louder[6_000] += 0.5
    turned[:, 6_000:] = 1.0
    for other in (knobbed_amp(louder, moving), knobbed_amp(x, turned)):
        np.testing.assert_array_equal(other[:6_000], y[:6_000])
        assert np.any(other[6_000:] != y[6_000:])


def test_after_a_move_it_is_the_amp_that_always_stood_there():
    x = noise()
    moving = np.repeat(at(bass=0.0)[:, None], LENGTH, axis=1)
    moving[:, 2_000:] = at(bass=1.0)[:, None]
    y, stood = knobbed_amp(x, moving), knobbed_amp(x, at(bass=1.0))
    wrong = np.sum((y - stood)[LENGTH // 2 :] ** 2) / np.sum(stood[LENGTH // 2 :] ** 2)
    assert wrong < 1e-3, "the supply, 40 ms slow, has met 220 ms of the new knobs"


def test_silence_stays_exactly_silent():
    assert not knobbed_amp(np.zeros(2_000, np.float32), np.ones(4)).any()


def test_gain_adds_overtones():
    def overtones(gain):
        power = settled(knobbed_amp(sine(440, 0.1), at(gain=gain)))
        bins = np.arange(len(power)) * 4
        return power[bins > 660].sum() / power[bins <= 660].sum()

    steps = [overtones(gain) for gain in (0.0, 0.5, 1.0)]
    assert steps[0] < 0.3 * steps[1] < 0.3 * steps[2]
    assert steps[2] > 0.03


@pytest.mark.parametrize(
    ("knob", "low", "high"),
    [("bass", 40, 120), ("mid", 450, 850), ("treble", 4_000, 7_000)],
)
def test_a_tone_knob_moves_its_own_band_most(knob, low, high):
    x = noise(0.01)
    down, up = (knobbed_amp(x, at(gain=0.0, **{knob: k})) for k in (0.0, 1.0))
    moved = band(up, low, high) - band(down, low, high)
    others = {"bass": (2_000, 6_000), "mid": (40, 90), "treble": (40, 200)}[knob]
    assert moved > 12
    assert abs(band(up, *others) - band(down, *others)) < 0.4 * moved


def test_no_full_scale_input_leaves_full_scale():
    square = np.sign(sine(100, 1.0) + 1e-3).astype(np.float32)
    for knobs in (np.ones(4), np.zeros(4), at(gain=1.0, bass=1.0, treble=0.0)):
        assert np.abs(knobbed_amp(square, knobs)).max() <= 1


def test_a_5_khz_sine_folds_back_below_50_db():
    power = settled(knobbed_amp(sine(5_008, 0.25), MIDDLE))
    bins = np.arange(len(power)) * 4
    heard = np.min(np.abs(bins[:, None] - 5_008 * np.arange(5)), axis=1) <= 16
    assert 10 * np.log10(power[~heard].sum() / power[heard].sum()) < -50


def test_knobs_that_are_not_the_amps_are_refused():
    x = noise(length=10)
    with pytest.raises(ConfigError, match="gain, bass, mid, treble"):
        knobbed_amp(x, np.zeros(3))
    with pytest.raises(ConfigError, match=r"mid knob was set to 1\.5"):
        knobbed_amp(x, at(mid=1.5))
    with pytest.raises(ConfigError, match="treble knob was set to nan"):
        knobbed_amp(x, np.repeat(at(treble=np.nan)[:, None], 10, axis=1))
    with pytest.raises(ConfigError, match="16000 Hz"):
        knobbed_amp(x, MIDDLE, 16_000)
