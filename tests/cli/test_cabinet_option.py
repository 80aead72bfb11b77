"""A file through a model and a cabinet is the convolution of what the model plays."""

import numpy as np
import pytest
import soundfile
from random_models import UNMEASURED, draw_params
from runs import assert_refused, run
from scipy.signal import fftconvolve
from tiny import LSTM, RATE, noise

import jaxamp
from jaxamp.formats import write


@pytest.fixture
def files(tmp_path):
    """A model, dry audio longer than one piece of reading, and a cabinet."""
    write(tmp_path / "amp.nam", LSTM, draw_params(LSTM), metadata=UNMEASURED)
    response = noise(700, seed=8) * np.exp(-np.arange(700) / 90)
    for name, audio in {"dry": noise(140_000), "cab": response}.items():
        soundfile.write(tmp_path / f"{name}.wav", audio, RATE, subtype="FLOAT")
    return tmp_path


def heard(path):
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize(("options", "gain"), [([], 1.0), (["--ir-gain", "-6"], 0.501)])
def test_reamp_convolves_with_the_cabinet(files, capsys, options, gain):
    dry, cab, out = (files / f"{name}.wav" for name in ("dry", "cab", "out"))
    said = run(capsys, "reamp", files / "amp.nam", dry, out, "--ir", cab, *options)
    assert said.status == 0, said
    y = jaxamp.process(*jaxamp.load(files / "amp.nam"), heard(dry)).astype(np.float64)
    expected = gain * fftconvolve(y, heard(cab).astype(np.float64))[: y.size]
    largest = np.abs(expected).max()
    atol = 1e-6 * largest if gain == 1.0 else 1e-3 * largest
    np.testing.assert_allclose(heard(out), expected, rtol=0, atol=atol)


def test_an_impulse_response_that_is_none_is_refused(files, capsys):
    dry, cab, out = (files / f"{name}.wav" for name in ("dry", "cab", "out"))
    soundfile.write(files / "silent.wav", np.zeros(100), RATE)
    cases = [
        (["--ir", files / "none.wav"], "does not exist"),
        (["--ir", files / "silent.wav"], "is silent"),
        (["--ir", cab, "--ir-channel", "1"], "which has 1"),
        (["--ir", cab, "--ir-gain", "100"], "from -60 to 60 dB"),
        (["--ir-gain", "3"], "no impulse response"),
    ]
    for options, words in cases:
        said = run(capsys, "reamp", files / "amp.nam", dry, out, *options)
        assert_refused(said, words)
    assert not out.exists()
