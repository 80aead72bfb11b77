"""The virtual amp: a real circuit's manners, the same bytes every time."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxamp.core import ConfigError
from jaxamp.data.virtual_amp import Knobs, silence, step, virtual_amp

RATE = 48_000
LENGTH = RATE // 4  # one length for most renderings: one compilation


def sine(frequency, peak=0.5):
    seconds = np.arange(LENGTH) / RATE
    return (peak * np.sin(2 * np.pi * frequency * seconds)).astype(np.float32)


def noise(peak=0.3):
    x = np.random.default_rng(0).uniform(-peak, peak, LENGTH)
    return x.astype(np.float32)


def spectrum(y):
    """Power per bin of the settled half; bins are 8 Hz apart."""
    settled = y[LENGTH // 2 :].astype(np.float64)
    return np.abs(np.fft.rfft(settled * np.blackman(len(settled)))) ** 2


def near(frequencies):
    """Which bins a windowed sine at one of the frequencies may fill."""
    bins = np.arange(LENGTH // 4 + 1) * 8
    return np.any(np.abs(bins[:, None] - np.asarray(frequencies)) <= 32, axis=1)


def distortion(y, frequency):
    power = spectrum(y)
    overtones = near(np.arange(2 * frequency, 20_000, frequency))
    return power[overtones].sum() / power[near([frequency])].sum()


def test_two_renderings_have_the_same_bytes():
    assert virtual_amp(noise()).tobytes() == virtual_amp(noise()).tobytes()


@pytest.mark.parametrize("cuts", [(1, 2), (64, 5_000), (LENGTH - 1,)])
def test_any_split_into_blocks_gives_the_same_audio(cuts):
    x, knobs, state, pieces = noise(), Knobs(gain=0.8), silence(), []
    for block in np.split(x, cuts):
        state, y = step(state, jnp.asarray(block), knobs)
        pieces.append(np.asarray(y))
    np.testing.assert_allclose(
        np.concatenate(pieces), virtual_amp(x, gain=0.8), atol=1e-6
    )


def test_a_knob_may_be_given_for_every_sample():
    x = jnp.asarray(noise())
    each = Knobs(*(jnp.full(LENGTH, value) for value in Knobs()))
    _, y = step(silence(), x, each)
    np.testing.assert_allclose(y, virtual_amp(noise()), atol=1e-5)


def test_nothing_is_heard_before_it_is_played():
    x = noise()
    changed = x.copy()
    changed[6_000] += 0.5
    before, after = virtual_amp(x), virtual_amp(changed)
    np.testing.assert_array_equal(before[:6_000], after[:6_000])
    assert before[6_000] != after[6_000]


def test_a_click_is_answered_within_eight_samples():
    x = np.zeros(LENGTH, np.float32)
    x[1_000] = 1e-3
    assert 1_000 <= np.argmax(np.abs(virtual_amp(x))) <= 1_008


@pytest.mark.parametrize("length", [0, 1, 2, LENGTH])
def test_a_whole_sound_is_played_as_a_block_is_to_the_bit(length):
    x = noise()[:length]
    _, block = step(silence(), jnp.asarray(x), Knobs(gain=0.8))
    np.testing.assert_array_equal(virtual_amp(x, gain=0.8), block)


def test_silence_stays_exactly_silent():
    assert not virtual_amp(np.zeros(LENGTH, np.float32), gain=1.0).any()


def test_the_amp_falls_silent_after_a_note():
    x = sine(110, 1.0)
    x[LENGTH // 2 :] = 0
    y = virtual_amp(x, gain=1.0)
    assert np.abs(y[: LENGTH // 2]).max() > 0.1
    # 50 ms: nine time constants of the coupling capacitor and the grid leak.
    assert np.abs(y[LENGTH // 2 + RATE // 20 :]).max() < 1e-3


def test_direct_current_does_not_leave_the_speaker():
    y = virtual_amp(np.full(LENGTH, 0.5, np.float32))
    assert np.abs(y[LENGTH // 2 :]).max() < 1e-4


def test_a_loud_note_chokes_the_quiet_one_after_it():
    x = sine(440, 0.01)
    x[: LENGTH // 2] = sine(440, 1.0)[: LENGTH // 2]
    fresh = np.where(np.arange(LENGTH) < LENGTH // 2, 0, x).astype(np.float32)
    # From 5 ms, when the filters forgot the loud note and the capacitor has not.
    quiet = slice(LENGTH // 2 + RATE // 200, LENGTH // 2 + RATE // 100)
    choked, free = (virtual_amp(v, gain=1.0, tone=1.0)[quiet] for v in (x, fresh))
    assert choked.std() < 0.7 * free.std()


def test_gain_adds_overtones():
    steps = [distortion(virtual_amp(sine(440, 0.1), gain=g), 440) for g in (0, 0.5, 1)]
    assert steps[0] < 0.1 * steps[1] < 0.1 * steps[2]


def test_tone_moves_the_balance_from_low_to_high():
    balance = []
    for tone in (0.0, 0.5, 1.0):
        power = spectrum(virtual_amp(noise(0.01), gain=0.0, tone=tone))
        bins = np.arange(len(power)) * 8
        low, high = bins < 500, (bins > 2_000) & (bins < 5_000)
        balance.append(10 * np.log10(power[high].sum() / power[low].sum()))
    assert balance[0] + 6 < balance[1] < balance[2] - 6


def test_level_scales_and_changes_nothing_else():
    half, whole = (virtual_amp(noise(0.1), level=v) for v in (0.35, 0.7))
    np.testing.assert_allclose(2 * half, whole, atol=1e-6)


@pytest.mark.parametrize("gain", [0.0, 1.0])
@pytest.mark.parametrize("tone", [0.0, 1.0])
def test_no_full_scale_input_leaves_full_scale(gain, tone):
    seconds = np.arange(LENGTH) / RATE
    for frequency in (100, 2_500):
        square = np.sign(np.sin(2 * np.pi * frequency * seconds + 1e-3))
        y = virtual_amp(square.astype(np.float32), gain=gain, tone=tone, level=1.0)
        assert np.abs(y).max() <= 1


def test_a_5_khz_sine_folds_back_below_60_db():
    frequency = 5_008  # Hz, the 626th bin; none of its mirrors is an overtone
    power = spectrum(virtual_amp(sine(frequency, 0.25)))
    heard = near(np.arange(0, 24_000, frequency))
    assert 10 * np.log10(power[~heard].sum() / power[heard].sum()) < -60


def test_other_sample_rates_sound_alike():
    # 220 Hz at both rates, cut to whole periods of the settled half.
    def loudness(rate):
        seconds = np.arange(rate // 4) / rate
        x = (0.2 * np.sin(2 * np.pi * 220 * seconds)).astype(np.float32)
        return virtual_amp(x, sample_rate=rate)[rate // 8 :].std()

    assert loudness(44_100) == pytest.approx(loudness(48_000), rel=0.01)


@pytest.mark.parametrize("knob", ["gain", "tone", "level"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_knob_beyond_its_stops_is_refused_by_name(knob, value):
    with pytest.raises(ConfigError, match=f"{knob} knob was set to {value}.*0 to 1"):
        virtual_amp(noise(), **{knob: value})


def test_a_sample_rate_too_low_for_the_cabinet_is_refused():
    with pytest.raises(ConfigError, match="16000 Hz"):
        virtual_amp(noise(), sample_rate=16_000)
