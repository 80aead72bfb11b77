"""`jaxamp live`: refusals without a device; with JACK's dummy driver, the sound."""

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from ctypes.util import find_library
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from random_models import UNMEASURED, draw_params
from runs import assert_refused, run
from tiny import LSTM, RATE, noise

from jaxamp.cli import live as command
from jaxamp.cli import live_loop
from jaxamp.cli.keys import unbuffered
from jaxamp.formats import write
from jaxamp.models import recurrent
from jaxamp.stream.live import Times

MISSING = [
    name
    for name, there in {
        "jackd (Debian's jackd2)": shutil.which("jackd"),
        "PortAudio (Debian's libportaudio2)": find_library("portaudio"),
        "sounddevice": importlib.util.find_spec("sounddevice"),
        "JACK-Client": importlib.util.find_spec("jack"),
    }.items()
    if not there
]
needs_jack = pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}")

PERIOD = 128


@pytest.fixture(scope="module")
def amp(tmp_path_factory):
    file = tmp_path_factory.mktemp("amp") / "amp.nam"
    write(file, LSTM, draw_params(LSTM), metadata=UNMEASURED)
    return file


# --- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "No model is named"),
        (["amp", "--block", "8"], "--block 8 must be from 16 to 2048"),
        (["amp", "--channel", "-1"], "0 or more"),
        (["amp", "--seconds", "0"], "more than 0"),
        (["amp", "--input-gain", "90"], "--input-gain 90 must be from -60 to 60 dB"),
        (["amp"] * 10, "10 models"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, words, capsys):
    assert_refused(run(capsys, "live", *options), words)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ImportError("no"), "pip install 'jaxamp[live]'"),
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
    ],
)
def test_what_is_not_installed_is_named(amp, capsys, monkeypatch, fault, words):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise fault

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    for options in ([amp], ["--list"], ["--measure"]):
        assert_refused(run(capsys, "live", *options), words)


@pytest.fixture
def silent_device(monkeypatch):
    """Everything up to the opening of the stream, which is refused."""

    def refuse(*_):
        raise AssertionError("nothing should have been played")

    monkeypatch.setattr("jaxamp.stream.live.device.portaudio", lambda: None)
    monkeypatch.setattr("jaxamp.stream.live.device.playing", refuse)


def test_models_and_rates_that_do_not_go_together_are_refused(
    amp, tmp_path, capsys, silent_device
):
    other = tmp_path / "other.nam"
    slower = recurrent(hidden=[3], sample_rate=44_100)
    write(other, slower, draw_params(slower), metadata=UNMEASURED)
    cases = [
        ([amp, other], "different sample rates"),
        ([amp, "--rate", "44100"], "nothing is resampled"),
        ([amp, "--knob", "gain=0.5"], "no knobs at all"),
        ([tmp_path / "none.nam"], "no model at"),
    ]
    for options, words in cases:
        assert_refused(run(capsys, "live", *options), words)


def test_a_computer_that_is_too_slow_is_refused_unless_forced(
    amp, capsys, monkeypatch, silent_device
):
    def slow(play, block, rate):
        times = Times(1e9 * block / rate)
        times.add(2_000_000)  # 2 ms: 75 % of 128 samples, 38 % of 256
        return times

    monkeypatch.setattr("jaxamp.stream.live.deadline.measured", slow)
    said = run(capsys, "live", amp)
    assert_refused(said, "75 %", "--block 256 would do", "smaller model", "--force")
    monkeypatch.setattr("jaxamp.stream.live.device.playing", allowed)
    said = run(capsys, "live", amp, "--force", "--seconds", "0.001")
    assert (said.status, "too slow" in said.err) == (0, True), said


@contextmanager
def allowed(module, chosen, session):
    """A stream that asks once."""

    class Stream:
        latency = (0.001, 0.002)
        active = True

    heard = np.zeros((chosen.block, 1), np.float32)
    session.call(heard, np.zeros((chosen.block, 2), np.float32), None)
    yield Stream()


# --- the terminal -------------------------------------------------------------------


def test_keys_are_read_without_waiting_and_the_terminal_is_left_as_it_was(monkeypatch):
    termios = pytest.importorskip("termios", reason="there are no terminals here")
    master, slave = os.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(slave)
        with unbuffered() as pressed:
            assert pressed(0.0) == ""
            os.write(master, b"2b")
            assert pressed(1.0) == "2b"
            os.write(master, b"+\x1b[A\x1b[15~\x1bOP\x1b[1;5C-")
            assert pressed(1.0) == "+-", "arrows and function keys are no letters"
        assert termios.tcgetattr(slave) == before
    os.close(master)


def test_keys_turn_what_they_say():
    class Rig:
        voices, settings = ("one", "two"), live_loop_settings()
        set = lambda self, **changes: changed.update(changes)  # noqa: E731

    loop = object.__new__(live_loop.Loop)
    loop.rig, loop._ended = Rig(), False
    expected = {
        "2": {"voice": 1},
        "3": {},
        "b": {"bypass": True},
        "i": {"cabinet": False},
        "+": {"output_gain": pytest.approx(1.122, abs=1e-3)},
        "[": {"input_gain": pytest.approx(0.891, abs=1e-3)},
        "x": {},
    }
    for key, changes in expected.items():
        changed = {}
        loop.press(key)
        assert changed == changes, key
    loop.press("q")
    assert loop._ended
    assert live_loop.turned(live_loop.turned(1.0, True), False) == 1.0


def test_keys_choose_a_knob_and_turn_it_and_the_line_says_so():
    turns = []

    class Knobbed:
        model = recurrent(hidden=[3], controls=["gain", "tone"])
        knobs = (0.7, 0.25)
        turn = lambda self, knob, up: turns.append((knob, up))  # noqa: E731

    class Rig:
        voices, settings = (Knobbed(), SimpleNamespace(knobs=())), live_loop_settings()

    loop = object.__new__(live_loop.Loop)
    loop.rig, loop._ended, loop._knob = Rig(), False, 0
    for key in ".,k>k<":
        loop.press(key)
    assert turns == [(0, True), (0, False), (1, True), (0, False)]
    assert live_loop.knobs_of(Knobbed(), 0) == "[gain 0.70] tone 0.25"
    assert live_loop.knobs_of(Knobbed(), 3) == "gain 0.70 [tone 0.25]"
    loop.rig.settings = dataclasses.replace(loop.rig.settings, voice=1)
    loop.press(".")  # no knobs: nothing
    assert len(turns) == 4


def live_loop_settings():
    from jaxamp.stream.live import Settings  # noqa: PLC0415

    return Settings()


# --- the sound ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def jack_server():
    """JACK with its dummy driver, under a name of its own; its clients' module."""
    if MISSING:
        pytest.skip(f"not here: {MISSING}")
    name = f"jaxamptest{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        patch.setenv("JACK_NO_START_SERVER", "1")
        import jack  # noqa: PLC0415

        arguments = ["-r", "-d", "dummy", "-r", str(RATE), "-p", str(PERIOD)]
        with subprocess.Popen(
            ["jackd", "--name", name, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                waited(lambda: reachable(jack, name))
                yield jack, name
            finally:
                if "sounddevice" in sys.modules:  # it aborts where JACK is gone first
                    sys.modules["sounddevice"]._terminate()
                process.terminate()


def client(jack, name, title):
    return jack.Client(title, servername=name, no_start_server=True)


def reachable(jack, name):
    try:
        client(jack, name, "probe").close()
    except jack.JackOpenError:
        return False
    return True


def waited(condition, seconds=20):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


class Guitar(threading.Thread):
    """Plugs a file into what plays live, or its output into its input."""

    def __init__(self, server, audio=None):
        super().__init__(daemon=True)
        jack, name = server
        self.audio, self.at, self.plugged = audio, 0, False
        self.client = client(jack, name, "guitar")
        self.port = self.client.outports.register("out")
        self.client.set_process_callback(self.process)

    def __enter__(self):
        self.client.activate()
        self.start()
        return self

    def __exit__(self, *error):
        self.client.deactivate()
        self.client.close()

    def process(self, frames):
        out = self.port.get_array()
        out[:] = 0
        if self.plugged and self.audio is not None:
            part = self.audio[self.at : self.at + frames]
            out[: part.size] = part
            self.at += part.size

    def run(self):
        waited(self.connected, 120)  # compiling comes first
        self.plugged = True

    def connected(self):
        """Whether it could be connected: ports are there before they are ready."""
        ins = self.client.get_ports("PortAudio:", is_input=True)
        outs = self.client.get_ports("PortAudio:", is_output=True)
        try:
            self.client.connect(outs[0] if self.audio is None else self.port, ins[0])
        except (IndexError, sys.modules["jack"].JackError):
            return False
        return True


@needs_jack
def test_live_is_what_reamp_makes_of_the_same_guitar(
    jack_server, amp, tmp_path, capsys
):
    audio = noise(RATE // 2)
    played, figures = tmp_path / "played.wav", tmp_path / "figures.json"
    with Guitar(jack_server, audio):
        said = run(
            capsys, "live", amp, "--device", "system", "--seconds", "2.5",
            "--record", played, "--json", figures, "--force",  # CI is busy
        )  # fmt: skip
    assert said.status == 0, said
    heard = soundfile.read(tmp_path / "played.di.wav", dtype="float32")[0]
    assert heard.any(), "the guitar was not heard"
    again = tmp_path / "again.wav"
    assert run(capsys, "reamp", amp, tmp_path / "played.di.wav", again).status == 0
    y, expected = (soundfile.read(f, dtype="float32")[0] for f in (played, again))
    np.testing.assert_allclose(y, np.clip(expected, -1, 1), rtol=0, atol=1e-6)
    found = json.loads(figures.read_text())
    assert found["seconds"] >= 2.5
    assert (found["lag_samples"], found["muted_blocks"]) == (0, 0)
    assert found["input_peak"] == pytest.approx(np.abs(heard).max())
    if not found["dropouts"]:  # another program's work can cause some
        start = np.flatnonzero(heard)[0]
        first = start - np.flatnonzero(audio)[0]
        np.testing.assert_array_equal(heard[first : first + audio.size], audio)


@needs_jack
def test_the_round_trip_through_a_cable_is_measured(jack_server, tmp_path, capsys):
    figures = tmp_path / "trip.json"
    with Guitar(jack_server):
        said = run(capsys, "live", "--measure", "--json", figures)
    assert said.status == 0, said
    trip = json.loads(figures.read_text())["round_trip_samples"]
    assert 0 < trip <= 8 * PERIOD
    assert trip % PERIOD == 0
    assert f"Round trip {trip} samples" in said.out


@needs_jack
def test_without_a_cable_nothing_comes_back(jack_server, capsys):
    assert_refused(run(capsys, "live", "--measure"), "did not come back", "cable")


@needs_jack
def test_devices_are_listed_and_wrong_ones_refused(jack_server, amp, capsys):
    said = run(capsys, "live", "--list")
    assert "system, JACK Audio Connection Kit: 2 in, 2 out, 48000 Hz" in said.out
    for options, words in (
        (["--device", "marshall"], "No device is called 'marshall'"),
        (["--channel", "2"], "--channel 2 is not in system"),
        (["--rate", "44100"], "set to 48000 Hz"),
    ):
        assert_refused(run(capsys, "live", "--measure", *options), words)
    wrong = run(capsys, "live", amp, "--force", "--device", "marshall")
    assert_refused(wrong, "No device is called", "0: system, JACK")


def test_the_help_says_what_keys_do(capsys):
    with pytest.raises(SystemExit):
        run(capsys, "live", "--help")
    assert "1 to 9 choose a model" in capsys.readouterr().out
    assert command.parser().prog == "jaxamp live"
