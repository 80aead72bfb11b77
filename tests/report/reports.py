"""A report on a small model that nobody trained, quick to make."""

import dataclasses

import jax
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


def report(times=None, seconds=1.0, **other):
    """The page on it."""
    return run_page(subject(**other), seconds=seconds, times=times)
