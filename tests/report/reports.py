"""A report on a small model that nobody trained, quick to make."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from tiny import LSTM, RATE, amp, noise

from jaxamp.core import Capture
from jaxamp.report.run_page import run_page
from jaxamp.report.subject import Subject

RESULT = {
    "model": "lstm/tiny", "device": "cpu", "realtime_factor": 50.0,
    "train": {"steps": 30, "seconds": 60.0, "stopped": "steps"},
    "versions": {"jaxamp": "0.1.0"},
}  # fmt: skip
HISTORY = [
    {"step": 10, "loss": 0.5}, {"step": 10, "validation_esr": 0.4},
    {"step": 20, "loss": 0.3}, {"step": 30, "loss": 0.2, "validation_esr": 0.25},
]  # fmt: skip
CHECKED = {
    "signal": None,
    "measured": {"delay_samples": 12, "noise_dbfs": -71.2, "polarity": -1},
    "found": [{"check": "hum", "message": "amp.wav hums.", "severity": "warning",
               "waived": False}],
    "passed": True,
}  # fmt: skip
FINDINGS = {
    "pairs": [
        {
            "input": {"file": "dry.wav"},
            "target": {"file": "amp.wav"},
            "delay": {"applied": 11, "samples": 12},
            "checks": CHECKED,
        }
    ]
}


def subject(**other):
    """Two seconds of plucked noise through `tiny.amp`, and a network as it begins."""
    size = 2 * RATE
    x = noise(size) * (1 - np.arange(size, dtype=np.float32) % 24_000 / 24_000)
    known = Subject(
        name="lstm/tiny",
        capture="amp.wav",
        place="runs/tiny",
        model=LSTM,
        params=LSTM.init(jax.random.key(0)),
        passages=(Capture(x, amp(x)),),
        amp=amp,
        result=RESULT,
        history=HISTORY,
        findings=FINDINGS,
        config="seed: 0\ntrain:\n  steps: 30\n",
    )
    return dataclasses.replace(known, **other)


def report(times=None, seconds=1.0, knob_clips=9, match_knobs=False, **other):
    """The page on it."""
    about = subject(**other)
    return run_page(
        about,
        seconds=seconds,
        times=times,
        knob_clips=knob_clips,
        match_knobs=match_knobs,
    )


KNOBS = ("gain", "tone")


def turned(params, x, controls, state):
    """Gain up to eight times into a curve, and a tone that lets it through or not."""
    gain, tone = (controls[:, i].reshape(len(x), 1, -1) for i in (0, 1))
    return jnp.tanh((0.25 + 8 * gain) * x) * (0.25 + 0.75 * tone), state


def knobbed(**other):
    """A model of two knobs that do what they say, and a recording at two settings."""
    model = dataclasses.replace(LSTM, controls=KNOBS, apply=turned)
    loud = subject().passages[0]
    passages = [
        Capture(
            level * loud.input, level * loud.target, controls=np.array(at, np.float32)
        )
        for at, level in (((0.0, 0.3), 0.1), ((0.9, 0.5), 1.0))
    ]
    return {
        "model": model,
        "passages": tuple(passages),
        "amp": None,
        "result": {},
    } | other


SETTINGS = [
    {"name": "a", "knobs": {"gain": 0.9, "tone": 0.5}, "esr": 0.04, "seen": False},
    {"name": "b", "knobs": {"gain": 0.0, "tone": 0.3}, "esr": 0.02, "seen": True},
    {"name": "c", "knobs": {"gain": 1.0, "tone": 0.0}, "esr": 0.01, "seen": True},
]  # fmt: skip
