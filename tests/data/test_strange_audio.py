"""Audio from strangers is read or refused in words, whatever its header claims."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxamp.core import CaptureError
from jaxamp.data.audio import read_audio, read_header

SOUND = np.linspace(-0.5, 0.5, 400, dtype=np.float32)
KINDS = (
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"),
    ("W64", "DOUBLE"), ("AIFF", "PCM_24"), ("FLAC", "PCM_16"), ("CAF", "PCM_32"),
    ("OGG", "VORBIS"), ("AU", "PCM_16"), ("SVX", "PCM_16"),
)  # fmt: skip


def written(format, subtype):
    file = io.BytesIO()
    soundfile.write(file, SOUND, 8_000, format=format, subtype=subtype)
    return file.getvalue()


WHOLE = [written(*kind) for kind in KINDS]
"""A small file of each kind."""


def wav(rate=48_000, channels=1, bits=16, code=1, claimed=None, data=bytes(800)):
    """A WAV file whose header says whatever it is told to."""
    align = max(1, channels * bits // 8) & 0xFFFF
    head = struct.pack(
        "<HHIIHH", code, channels, rate, rate * align & 0xFFFFFFFF, align, bits
    )
    size = len(data) if claimed is None else claimed
    body = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 36 + size & 0xFFFFFFFF) + b"WAVE" + body + data


def flac(total):
    """A FLAC file that claims a number of samples."""
    data = bytearray(written("FLAC", "PCM_16"))
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = struct.pack(">I", total & 0xFFFFFFFF)
    return bytes(data)


HOSTILE = {
    "no rate": (wav(rate=0), r"0 samples a second|not audio"),
    "an absurd rate": (wav(rate=2**31 - 1), "2147483647 samples a second"),
    "a negative rate": (wav(rate=2**32 - 1), "samples a second|not audio"),
    "no channel": (wav(channels=0), "not audio"),
    "all channels": (wav(channels=65_535), "not audio|channels"),
    "many channels": (wav(channels=1_024, data=bytes(4096)), "1024 channels"),
    "a claimed end": (wav(claimed=2**32 - 1), ""),
    "no samples": (wav(data=b""), "empty|not audio"),
    "infinity": (wav(bits=32, code=3, data=struct.pack("<f", np.inf) * 9), "infinity"),
    "NaN": (wav(bits=32, code=3, data=b"\xff" * 36), "NaN"),
    "hours of FLAC": (flac(2**36 - 1), "cut short"),
    "more FLAC than there is": (flac(5_000), "cut short|damaged"),
    "compressed": (wav(code=2, bits=4), "not audio|loses"),
    "a text": (b"this is no sound" * 100, "not audio"),
    "nothing": (b"", "not audio"),
    "a pickle": (b"\x80\x04\x95cos\nsystem\n(S'x'\ntR.", "not audio"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_told_and_takes_no_memory(name, tmp_path):
    data, words = HOSTILE[name]
    (tmp_path / "a.wav").write_bytes(data)
    tracemalloc.start()
    try:
        if words:
            with pytest.raises(CaptureError, match=words):
                read_audio(tmp_path / "a.wav")
        else:  # what is there is taken
            assert len(read_audio(tmp_path / "a.wav").samples) == 400
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_reading_many_channels_takes_no_more_at_a_time_than_one(tmp_path):
    sound = np.zeros((3_000, 1_000), np.float32)
    sound[:, 7] = 0.25
    soundfile.write(tmp_path / "a.wav", sound, 8_000, subtype="PCM_U8")
    tracemalloc.start()
    heard = read_audio(tmp_path / "a.wav", 7).samples
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert heard.shape == (3_000,)
    np.testing.assert_allclose(heard, 0.25, atol=0.01)
    assert peak < 3 << 20, "a million bytes at a time, not three for all"


@pytest.mark.parametrize("suffix", [".raw", ".sd2", ".gsm", ".vox", "", ".WAV.exe"])
def test_the_suffix_is_not_believed(suffix, tmp_path):
    (tmp_path / f"a{suffix}").write_bytes(b"x" * 5_000)
    with pytest.raises(CaptureError, match=r"not audio|loses"):
        read_header(tmp_path / f"a{suffix}")


PLACES = st.integers(0, 1 << 16)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    which=st.integers(0, len(WHOLE) - 1),
    cuts=st.lists(st.tuples(PLACES, st.sampled_from([0, 1, 4, 99]), st.binary()),
                  min_size=1, max_size=3),
    near=st.booleans(),
)  # fmt: skip
def test_damaged_anywhere_it_is_read_or_refused(tmp_path_factory, which, cuts, near):
    data = WHOLE[which]
    for place, length, new in cuts:
        start = place % (80 if near else len(data) + 1)  # headers are where it hurts
        data = data[:start] + new + data[start + length :]
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    path.write_bytes(data)
    try:
        audio = read_audio(path, 0)
    except CaptureError:
        return
    assert np.all(np.isfinite(audio.samples))
    assert len(audio.samples) == audio.frames > 0
    assert audio.sample_rate >= 1
