"""Recordings of an amp whose knobs are known, and manifests that list them."""

import numpy as np
import soundfile
import yaml

RATE = 16_000
SAMPLES = 8_000
VALUES = (0, 2.5, 5, 7.5, 10)


def dry(samples=SAMPLES, seed=0):
    """Noise that a guitar could be, 1-D float32."""
    audio = np.cumsum(np.random.default_rng(seed).standard_normal(samples))
    return (0.3 * np.sin(audio)).astype(np.float32)


def amp(x, gain, level=10.0):
    """A curve that the knobs, 0 to 10, bend and scale."""
    return (0.08 * level * np.tanh((0.5 + gain / 3) * x)).astype(np.float32)


def write(path, audio):
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    return path.name


def write_amp(folder, values=VALUES, **top):
    """A manifest of one knob, and its recordings."""
    write(folder / "dry.wav", dry())
    rows = [
        {"target": write(folder / f"g{g:g}.wav", amp(dry(), g)), "knobs": {"gain": g}}
        for g in values
    ]
    content = {
        "input": "dry.wav",
        "delay": 0,
        "knobs": {"gain": {"range": [0, 10]}},
        "recordings": rows,
        **top,
    }
    return write_manifest(folder / "knobs.yaml", content)


def write_manifest(path, content):
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)
