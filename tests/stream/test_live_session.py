"""Figures, deadlines and devices of live playing, without a device."""

import dataclasses
import gc
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import RATE, noise

from jaxamp.core import CaptureError, ConfigError
from jaxamp.stream.live import device
from jaxamp.stream.live.deadline import MEASURED_BLOCKS, measured, refuse_late, share
from jaxamp.stream.live.loopback import Clicks, round_trip
from jaxamp.stream.live.meters import Level, Times
from jaxamp.stream.live.session import FLAGS, Session, undisturbed
from jaxamp.stream.live.urgent import THREADS, become_urgent, ordinary

QUIET = SimpleNamespace(**dict.fromkeys(FLAGS, False))


# --- figures ------------------------------------------------------------------------


def test_times_are_counted_beside_the_deadline():
    times = Times(deadline=1_000_000)
    for microseconds in [100] * 97 + [500, 1500, 250_000]:
        times.add(microseconds * 1000)
    told = times.told()
    assert told["p50_us"] == pytest.approx(100, abs=1.1)
    assert told["p99_us"] == pytest.approx(1500, abs=1.1)
    assert (told["late"], told["worst_us"], told["blocks"]) == (2, 250_000, 100)
    assert times.load()[0] == pytest.approx(0.1)


def test_a_peak_is_told_once_and_the_highest_remembered():
    level = Level()
    level.hear(np.float32([0.1, -0.7]))
    level.hear(np.float32([1.0, -1.0, 0.2]))
    assert (level.peak(), level.peak(), level.highest) == (1.0, 0.0, 1.0)
    assert level.clipped == 2


def test_dropouts_are_what_the_host_says_and_late_blocks_are_counted_apart():
    session = Session(lambda x: 2 * x, block=4, sample_rate=RATE, channel=1)
    heard, played = np.float32([[9, 1], [9, 2], [9, 3], [9, 4]]), np.zeros((4, 2))
    session.times.deadline = 1e12
    session.call(heard, played, QUIET)
    np.testing.assert_array_equal(played, [[2, 2], [4, 4], [6, 6], [8, 8]])
    assert session.dropouts == 0
    lost = SimpleNamespace(**{**vars(QUIET), "output_underflow": True})
    session.call(heard, played, lost)
    assert (session.dropouts, session.flagged["output_underflow"]) == (1, 1)
    session.times.deadline = 0
    session.call(heard, played, lost)
    session.call(heard, played, QUIET)
    assert (session.dropouts, session.times.late, session.frames) == (2, 2, 16)


def test_what_is_recorded_is_bounded_and_what_is_lost_counted():
    session = Session(lambda x: -x, block=4800, sample_rate=RATE, record=True)
    blocks = [noise(4800, seed)[:, None] for seed in range(3)]
    for turn in range(310):  # 31 s that nobody fetches
        session.call(blocks[turn % 3], np.zeros((4800, 1)), QUIET)
    assert session.lost == 10 * 4800
    kept = list(session.recorded())
    assert len(kept) == 300
    np.testing.assert_array_equal(kept[1][0], blocks[1][:, 0])
    np.testing.assert_array_equal(kept[1][1], -blocks[1][:, 0])
    assert not list(session.recorded())


def state():
    return gc.isenabled(), sys.getswitchinterval(), gc.get_freeze_count()


def test_python_is_left_as_it_was():
    before, threads = state(), ordinary()
    with undisturbed():
        enabled, interval, _ = state()
        assert not enabled
        assert interval < before[1]
        mine = [thread for thread in ordinary() if thread in threads]
        assert not (mine and become_urgent(mine[0])), "some were forgotten"
    assert state() == before
    there = {int(place.name) for place in THREADS.iterdir()} if threads else set()
    assert set(threads) & there <= set(ordinary())


# --- the deadline -------------------------------------------------------------------


class Slow:
    """A clock that moves by what each block takes, nanoseconds."""

    def __init__(self, block_time):
        self.now, self.block_time, self.slept = 0, block_time, 0.0

    def __call__(self):
        return self.now

    def play(self, x):
        self.now += self.block_time(x.size)

    def sleep(self, seconds):
        self.slept += seconds


def times_of(block_time, block):
    slow = Slow(block_time)
    return measured(slow.play, block, RATE, clock=slow, sleep=slow.sleep), slow


def test_blocks_are_measured_at_the_pace_they_have():
    times, slow = times_of(lambda size: 400_000, 64)
    assert times.blocks == MEASURED_BLOCKS
    assert share(times) == pytest.approx(0.3, abs=0.001)
    paced = MEASURED_BLOCKS * (64 / RATE - 0.0004)
    assert slow.slept == pytest.approx(paced)


def test_a_measurement_that_takes_long_ends_with_fewer_blocks():
    def blocks(block_time, most_seconds):
        slow = Slow(lambda size: block_time)
        times = measured(slow.play, 64, RATE, most_seconds=most_seconds, clock=slow)
        return times.blocks

    assert blocks(10_000_000, 1.0) == 51  # 101 with the 50 before
    assert blocks(10_000_000, 0.1) == 1, "late by any count"


def late(block_time, block=64):
    others = [size for size in (64, 128, 256, 512) if size > block]
    times = times_of(block_time, block)[0]
    refuse_late(times, block, RATE, others, lambda size: times_of(block_time, size)[0])


def test_what_is_quick_enough_is_let_play():
    late(lambda size: 900_000)  # of 1.333 ms


def test_what_is_too_slow_is_refused_with_the_block_that_would_do():
    # 1 ms a call and 5 µs a sample: 99 % of 1.33 ms, 61 % of 2.67 ms
    with pytest.raises(ConfigError, match="--block 128 would do: 62 %") as refusal:
        late(lambda size: 1_000_000 + 5_000 * size)
    for words in ("99 %", "1.32 ms", "1.33 ms", "70 % is allowed", "--force", "nano"):
        assert words in str(refusal.value)


def test_what_no_block_helps_is_refused():
    with pytest.raises(ConfigError, match="No longer block would do"):
        late(lambda size: 15_000 * size)


def test_one_slow_block_in_a_hundred_is_allowed_and_two_are_not():
    for slow_ones, allowed in ((4, True), (8, False)):
        count = iter(range(10_000))

        def block_time(size, count=count, slow_ones=slow_ones):
            return 3_000_000 if next(count) % 400 < slow_ones else 100_000

        times = times_of(block_time, 64)[0]
        assert (share(times) < 0.7) == allowed


# --- the round trip -----------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 1, 383, 11_000])
def test_clicks_that_come_back_tell_the_round_trip(delay):
    clicks, line = Clicks(RATE), np.zeros(delay, np.float32)
    while not clicks.done:
        heard = line[:128] if delay >= 128 else np.zeros(128, np.float32)
        y = clicks.play(heard)
        line = np.append(line[128:], 0.3 * y) if delay >= 128 else line
    if delay < 128:
        clicks.heard[delay:] = 0.3 * clicks.played[: clicks.played.size - delay]
    clicks.heard += 1e-4 * noise(clicks.heard.size, level=1.0)
    assert round_trip(clicks.played, clicks.heard, RATE).samples == delay


@pytest.mark.parametrize("heard", [0.0, 1e-3, 0.2])
def test_nothing_that_comes_back_is_said_in_words(heard):
    played = Clicks(RATE).played
    recorded = heard * noise(played.size, level=1.0)
    with pytest.raises(CaptureError, match="did not come back within 250 ms"):
        round_trip(played, recorded, RATE)


def test_clicks_that_come_back_at_different_times_are_told():
    played = Clicks(RATE).played
    recorded = np.roll(played, 300)
    recorded[RATE:] = np.roll(recorded[RATE:], 128)
    with pytest.raises(CaptureError, match="different times"):
        round_trip(played, recorded, RATE)


# --- devices ------------------------------------------------------------------------


class CardError(Exception):
    pass


def sound_system(*, rate=48_000, fails=None):
    """What `device` asks of sounddevice, of two cards."""
    cards = [
        ("Scarlett 2i2", 2, 2),
        ("HDMI \x1b[2J", 0, 8),
        ("Scarlett 18i8", 18, 8),
    ]

    def query_devices():
        return [
            {
                "name": name, "hostapi": 0, "default_samplerate": float(rate),
                "max_input_channels": ins, "max_output_channels": outs,
            }
            for name, ins, outs in cards
        ]  # fmt: skip

    def stream(**options):
        raise CardError(fails)

    return SimpleNamespace(
        query_devices=query_devices,
        query_hostapis=lambda: [{"name": "ALSA"}],
        default=SimpleNamespace(device=[0, -1]),
        PortAudioError=CardError,
        CallbackAbort=CardError,
        Stream=stream,
    )


CHOSEN = device.Chosen(None, "hdmi", 0, 128, 48_000)


def test_devices_are_found_by_number_and_name():
    module = sound_system()
    cases = [
        (None, "input", 0),
        ("2", "input", 2),
        ("18i8", "output", 2),
        ("scarlett 2i2", "input", 0),
        ("hdmi", "output", 1),
    ]
    for wanted, kind, number in cases:
        assert device.find(module, wanted, kind) == number
    lines = device.listed(module)
    assert lines[0].endswith("2 in, 2 out, 48000 Hz  (usual input)")
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        ("marshall", "input", "No device is called 'marshall'"),
        ("hdmi", "input", "No device is called 'hdmi' and can be an input"),
        ("1", "input", "0: Scarlett 2i2, ALSA; 2: Scarlett 18i8, ALSA"),
        ("scarlett", "input", "Several devices"),
        (None, "output", "no usual output"),
    ],
)
def test_a_device_that_is_none_is_refused_with_those_there_are(wanted, kind, words):
    with pytest.raises(ConfigError, match=words):
        device.find(sound_system(), wanted, kind)


@pytest.mark.parametrize(
    ("rate", "words"),
    [(48_000, "longer --block"), (44_100, "set to 44100 Hz. Set them")],
)
def test_a_device_that_cannot_play_so_says_why(rate, words):
    module = sound_system(rate=rate, fails="Invalid sample rate")
    session = Session(lambda x: x, block=128, sample_rate=48_000)
    with (
        pytest.raises(ConfigError, match=f"Invalid sample rate.*{words}"),
        device.playing(module, CHOSEN, session),
    ):
        pass


def test_a_sound_system_that_never_ends_a_stream_is_left_as_it_is():
    silent, released = threading.Event(), SimpleNamespace(close=lambda: None)
    released.stop = silent.wait
    assert not device.ended(released, seconds=0.05)
    silent.set()
    assert device.ended(released, seconds=5)


def test_a_channel_that_the_input_does_not_have_is_refused():
    session = Session(lambda x: x, block=128, sample_rate=48_000)
    wrong = dataclasses.replace(CHOSEN, channel=2)
    with (
        pytest.raises(ConfigError, match="--channel 2 is not in Scarlett 2i2"),
        device.playing(sound_system(), wrong, session),
    ):
        pass
