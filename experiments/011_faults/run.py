"""Which faults of a recording are caught, and is anything said of clean ones?

    uv run python experiments/011_faults/run.py
    uv run python experiments/011_faults/run.py --seconds 100 \
        --input dry.flac --target amp.flac --input dry.flac --target other.flac

Each fault is put, at several strengths, into the project's capture signal played by its
virtual amp, and into every pair that is given; `jaxamp check` looks at each. Prints
Markdown tables: what is caught by which check, how far the delay is off, and what is
said of the clean pairs. A pair whose target is shorter is cut to it. The clean pairs
are looked at whole; `--seconds` shortens the given ones for the rest, which saves time.
"""

import argparse
import collections
import dataclasses
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from jaxamp.data.audio import Audio
from jaxamp.data.capture_signal import FULL_SCALE, capture_signal
from jaxamp.data.examine import examine
from jaxamp.data.virtual_amp import virtual_amp
from jaxamp.dsp.level import amplitude, rms

STEP = 2.0**-23


@dataclasses.dataclass(frozen=True)
class Pair:
    """A clean recording, and another one of the amp with a knob turned if there is."""

    name: str
    input: np.ndarray
    target: np.ndarray
    rate: int
    turned: np.ndarray | None = None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--seconds", type=float, help="of each given pair")
    parser.add_argument("--delays", type=int, default=200, help="simulated delays")
    parser.add_argument("--show", nargs="*", default=["clean", "faults", "delays"])
    given = parser.parse_args()
    signal = of_virtual_amp()
    files = zip(given.input, given.target, strict=True)
    pairs = [read_pair(*both) for both in files]
    if "clean" in given.show:
        clean([signal, *pairs])
    pairs = [signal, *(shortened(pair, given.seconds) for pair in pairs)]
    if "faults" in given.show:
        faults(pairs)
    if "delays" in given.show:
        delays(pairs, given.delays)


# --- the pairs ---------------------------------------------------------------------


def of_virtual_amp():
    """The capture signal through the virtual amp."""
    x = (capture_signal().numbers / FULL_SCALE).astype(np.float32)
    turned = virtual_amp(x, gain=0.6)
    return Pair("capture signal", x, virtual_amp(x), 48_000, turned)


def read_pair(input, target):
    y, rate = soundfile.read(target, dtype="float32")
    x, _ = soundfile.read(input, dtype="float32", frames=len(y))
    return Pair(Path(target).stem, x, y, rate)


def shortened(pair, seconds):
    end = None if seconds is None else round(seconds * pair.rate)
    return dataclasses.replace(pair, input=pair.input[:end], target=pair.target[:end])


# --- the faults --------------------------------------------------------------------

FAULTS = {}
"""name -> (strengths, function of pair and strength, checks that should say so)"""


def fault(name, strengths, *checks):
    def register(function):
        FAULTS[name] = (strengths, function, checks)
        return function

    return register


@fault("polarity", ["inverted"], "polarity")
def polarity(pair, _):
    return -pair.target


@fault("hum, 50 Hz and 5 multiples, dB below the playing", [65, 55, 45, 35], "hum")
def hum(pair, decibels):
    time = np.arange(len(pair.target)) / pair.rate
    tones = sum(np.sin(2 * np.pi * 49.98 * k * time + k) / k for k in range(1, 7))
    return pair.target + tones * amplitude(-decibels) * rms(pair.target) / rms(tones)


@fault("hiss, dB below the playing", [60, 50, 40, 30], "noise", "replicates")
def hiss(pair, decibels):
    noise = np.random.default_rng(1).standard_normal(len(pair.target))
    return pair.target + noise * amplitude(-decibels) * rms(pair.target)


@fault("clipped at full scale, dB too hot", [0.5, 3, 12], "clipping")
def clipping(pair, decibels):
    gain = amplitude(decibels) / np.abs(pair.target).max()
    return np.clip(pair.target * gain, -1, 1 - STEP)


@fault("clipped by 3 dB, then turned down by dB", [1, 6], "flat_tops")
def turned_down(pair, decibels):
    return clipping(pair, 3.0) * amplitude(-decibels)


@fault("clocks apart, ppm", [1, 5, 20, -20, 100], "drift")
def drift(pair, ppm):
    places = np.arange(len(pair.target)) * (1 - 1e-6 * ppm)
    return between_samples(pair.target, places)


@fault("samples dropped in the middle", [1, 16, 64], "drift", "lengths")
def dropped(pair, count):
    middle = len(pair.target) // 2
    return np.delete(pair.target, np.s_[middle : middle + count])


@fault("noise gate that opens at, dBFS of the input", [-70, -60, -50, -40], "gate")
def gate(pair, decibels):
    size = pair.rate // 100
    level = np.sqrt(scipy.signal.lfilter([1 / size], [1, 1 / size - 1], pair.input**2))
    shut = np.exp(-20 / pair.rate)  # 50 ms
    opening = scipy.signal.lfilter([1 - shut], [1, -shut], level > amplitude(decibels))
    return pair.target * np.where(opening < 0.05, 0, opening)


@fault("volume knob moved in the middle, dB", [0.5, 1, 3, 6], "knob", "replicates")
def volume(pair, decibels):
    gain = np.ones(len(pair.target))
    gain[len(gain) // 2 :] = amplitude(-decibels)
    return pair.target * gain


@fault("treble knob moved in the middle, dB", [1, 3, 6], "knob", "replicates")
def treble(pair, decibels):
    b, a = scipy.signal.butter(1, 1500, fs=pair.rate)
    low = scipy.signal.lfilter(b, a, pair.target)
    dull = low + amplitude(-decibels) * (pair.target - low)
    middle = len(dull) // 2
    return np.concatenate([pair.target[:middle], dull[middle:]])


@fault("gain knob from 0.5 to 0.6 in the middle", [""], "knob", "replicates")
def gain(pair, _):
    if pair.turned is None:
        return None
    middle = len(pair.target) // 2
    return np.concatenate([pair.target[:middle], pair.turned[middle:]])


@fault("recorded low, peak dBFS", [-30, -45, -60], "level")
def low(pair, decibels):
    return pair.target * amplitude(decibels) / np.abs(pair.target).max()


@fault("longer by s", [0.1, 1.0, 1.5], "lengths")
def longer(pair, seconds):
    return np.append(pair.target, np.zeros(round(seconds * pair.rate)))


@fault("shorter by samples", [3, 16, 500], "lengths")
def shorter(pair, count):
    return pair.target[:-count]


@fault("start cut off by samples", [500], "delay", "lengths")
def cut(pair, count):
    return pair.target[count:]


@fault("another take", [""], "delay")
def another_take(pair, _):
    return pair.target[::-1]


def between_samples(audio, places):
    """The audio at fractional places, through a polyphase filter and straight lines."""
    fine = scipy.signal.resample_poly(audio, 16, 1).astype(np.float32)
    return np.interp(16 * places, np.arange(len(fine)), fine, left=0, right=0)


# --- what is said ------------------------------------------------------------------


def examined(pair, target):
    """What `jaxamp check` finds once the recording is stored with 24 bits."""
    target = (np.rint(np.asarray(target) / STEP) * STEP).astype(np.float32)
    files = [
        Audio(Path(name), pair.rate, len(samples), 1, "PCM_24", samples)
        for name, samples in (("input", pair.input), (pair.name, target))
    ]
    return examine(*files)


def said(findings):
    """The checks that found something, fatal ones in bold, notes in brackets."""
    marks = {"fatal": "**{}**", "warning": "{}", "note": "({})"}
    names = {marks[one.severity].format(one.check) for one in findings}
    return ", ".join(sorted(names)) or "-"


def clean(pairs):
    print("| clean pair | delay | drift, samples | knob, surprise | said |")
    print("|---|---|---|---|---|")
    for pair in pairs:
        found = examined(pair, pair.target)
        value = found.measured
        row = [
            value.get(k) for k in ("delay_samples", "drift_samples", "step_surprise")
        ]
        told = ["-" if one is None else str(one) for one in row]
        print(f"| {pair.name} | {' | '.join(told)} | {said(found.findings)} |")
    print(flush=True)


def faults(pairs):
    names = " | ".join(pair.name for pair in pairs)
    print(f"| fault | strength | {names} |")
    print("|---" * (2 + len(pairs)) + "|")
    untouched = [examined(pair, pair.target) for pair in pairs]
    for name, (strengths, function, checks) in FAULTS.items():
        for strength in strengths:
            cells = []
            for pair, before in zip(pairs, untouched, strict=True):
                target = function(pair, strength)
                cells.append(
                    "" if target is None else verdict(pair, target, before, checks)
                )
            print(f"| {name} | {strength} | {' | '.join(cells)} |", flush=True)
    print()


def verdict(pair, target, before, checks):
    """What is said that was not said of the clean pair, and how far the delay moved.

    The delay is that of the recording's start, whatever slides later.
    """
    found = examined(pair, target)
    old = {(one.check, one.severity) for one in before.findings}
    new = [one for one in found.findings if (one.check, one.severity) not in old]
    moved = "none found"
    if found.delay:
        moved = f"{found.delay.exact - before.delay.exact:+.1f}"
    if checks == ("polarity",):
        caught = found.measured["polarity"] == -before.measured["polarity"]
        return f"{'yes' if caught else 'no'} ({moved})"
    caught = any(one.check in checks for one in new)
    return f"{'yes' if caught else 'no'}: {said(new)} ({moved})"


def delays(pairs, count):
    """Simulated delays, half of them fractional, spread over all pairs."""
    generator = np.random.default_rng(5)
    errors = collections.defaultdict(list)
    fatal = 0
    for i in range(count):
        pair = pairs[i % len(pairs)]
        true = generator.uniform(0, 5000)
        if i // len(pairs) % 2 == 0:
            true = round(true)
            target = np.concatenate([np.zeros(true), pair.target])[: len(pair.target)]
        else:
            target = between_samples(pair.target, np.arange(len(pair.target)) - true)
        found = examined(pair, target)
        fatal += any(one.severity == "fatal" for one in found.findings)
        if i < len(pairs):
            clean_delay = examined(pair, pair.target).delay.exact
            errors[pair.name, "own"] = clean_delay
        expected = errors[pair.name, "own"] + true
        whole = "fractional" if true % 1 else "whole"
        off = np.inf if found.delay is None else found.delay.exact - expected
        errors[pair.name, whole].append(off)
    print("| pair | simulated delays | largest error, samples | mean error |")
    print("|---|---|---|---|")
    for (name, kind), values in errors.items():
        if kind != "own":
            worst, mean = np.abs(values).max(), np.mean(values)
            print(f"| {name} | {len(values)} {kind} | {worst:.2f} | {mean:+.2f} |")
    print(f"\n{fatal} of {count} were called fatal.")


if __name__ == "__main__":
    main()
