"""Every lossless file is read alike; a written one is whole or not there."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jaxamp.core import CaptureError
from jaxamp.data import audio as audio_module
from jaxamp.data.audio import (
    AudioWriter,
    read_audio,
    read_blocks,
    read_header,
    shown,
)

RATE = 44_100
SINE = (0.5 * np.sin(0.05 * np.arange(3001))).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "subtype", "step"),
    [
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-31),
        ("wav", "FLOAT", 2**-23),
        ("wav", "DOUBLE", 2**-23),
        ("flac", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
        ("aiff", "PCM_16", 2**-15),
        ("aiff", "PCM_24", 2**-23),
        ("aiff", "FLOAT", 2**-23),
    ],
)
def test_every_format_and_depth_reads_back_to_its_step(tmp_path, suffix, subtype, step):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, SINE, RATE, subtype=subtype)
    audio = read_audio(path)
    assert (audio.sample_rate, audio.subtype, audio.step) == (RATE, subtype, step)
    assert audio.samples.dtype == np.float32
    np.testing.assert_allclose(audio.samples, SINE, atol=max(step, 1e-7))


@pytest.mark.parametrize("length", [1, 7, 4096, 4097])
def test_blocks_of_any_length_join_to_the_whole(tmp_path, length):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.resize(SINE, length), RATE, subtype="FLOAT")
    blocks = list(read_blocks(path, 512))
    np.testing.assert_array_equal(np.concatenate(blocks), np.resize(SINE, length))
    assert max(map(len, blocks)) <= 512


def test_a_named_channel_is_read(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([SINE, -SINE], 1), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path, 0).samples, SINE)
    np.testing.assert_array_equal(read_audio(path, "right").samples, -SINE)


def test_stereo_is_refused_until_a_channel_is_named(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([SINE, SINE], 1), RATE)
    with pytest.raises(CaptureError, match=r"a\.wav has 2 channels, one is needed"):
        read_audio(path)
    with pytest.raises(CaptureError, match="channel=2 is not in"):
        read_audio(path, 2)
    with pytest.raises(CaptureError, match="channel='middle' names no channel"):
        read_audio(path, "middle")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CaptureError, match=r"gone\.wav does not exist"):
        read_audio(tmp_path / "gone.wav")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(CaptureError, match="is a folder"):
        read_audio(tmp_path)


def test_a_name_no_system_allows_is_missing():
    with pytest.raises(CaptureError, match="does not exist"):
        read_audio("a\0b.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.txt", "a.raw", "a"])
def test_text_is_not_audio(tmp_path, name):
    path = tmp_path / name
    path.write_text("no audio here\n" * 100)
    with pytest.raises(CaptureError, match="is not audio that can be read"):
        read_audio(path)


def test_a_lossy_file_is_refused(tmp_path):
    path = tmp_path / "a.ogg"
    soundfile.write(path, SINE, RATE)
    with pytest.raises(CaptureError, match="OGG VORBIS, which loses or shifts"):
        read_audio(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, SINE[:0], RATE)
    with pytest.raises(CaptureError, match="is empty: it holds 0 samples"):
        read_audio(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted_and_placed(tmp_path, value):
    path = tmp_path / "a.wav"
    bad = SINE.copy()
    bad[[441, 442]] = value
    soundfile.write(path, bad, RATE, subtype="FLOAT")
    with pytest.raises(
        CaptureError, match=r"NaN or infinity: 2 samples, first at 0.01"
    ):
        read_audio(path)


def test_a_giant_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, SINE, RATE)
    monkeypatch.setattr(audio_module, "LARGEST", 3000)
    monkeypatch.setattr(audio_module, "read_blocks", None)
    with pytest.raises(CaptureError, match="holds 3001 samples in 1 channels"):
        read_audio(path)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.flac"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 40_000)
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(CaptureError, match=r"of 40000 samples|40000 samples, "):
        read_audio(path)


def test_control_characters_in_a_name_are_escaped():
    assert shown("a\x1b[31m\nb\udc80.wav") == "a\\x1b[31m\\nb\\udc80.wav"
    assert shown("Gitarre süß.wav") == "Gitarre süß.wav"


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".aif", ".flac", ".WAV"])
def test_what_is_written_reads_back(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with AudioWriter(path, RATE) as writer:
        for start in range(0, len(SINE), 700):
            writer.write(SINE[start : start + 700])
        assert not path.exists()
    np.testing.assert_allclose(read_audio(path).samples, SINE, atol=2**-23)
    assert os.listdir(tmp_path) == [path.name]


def test_float_files_keep_what_is_louder_than_full_scale(tmp_path):
    with AudioWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(4 * SINE)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav").samples, 4 * SINE)
    with AudioWriter(tmp_path / "a.flac", RATE) as writer:
        writer.write(4 * SINE)
    assert writer.clipped == np.count_nonzero(np.abs(4 * SINE) > 1)
    assert np.abs(read_audio(tmp_path / "a.flac").samples).max() <= 1


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("old")

    def stop_halfway():
        with AudioWriter(path, RATE) as writer:
            writer.write(SINE)
            raise KeyError

    with pytest.raises(KeyError):
        stop_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_full_disk_is_called_so_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with (
        pytest.raises(CaptureError, match="the disk is full"),
        AudioWriter(tmp_path / "a.wav", RATE) as writer,
    ):
        writer.write(SINE)
    assert os.listdir(tmp_path) == []


def test_samples_lost_in_the_last_flush_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(soundfile.SoundFile, "write", lambda *_: None)
    with (
        pytest.raises(CaptureError, match="the disk is full"),
        AudioWriter(tmp_path / "a.wav", RATE) as writer,
    ):
        writer.write(SINE)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(CaptureError, match=r"the folder .*nowhere does not exist"),
        AudioWriter(tmp_path / "nowhere" / "a.wav", RATE),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_locked_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with (
        pytest.raises(CaptureError, match="may be written to"),
        AudioWriter(tmp_path / "a.wav", RATE),
    ):
        pass


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with (
        pytest.raises(CaptureError, match="is a folder"),
        AudioWriter(tmp_path / "a.wav", RATE),
    ):
        pass


@pytest.mark.parametrize("name", ["a.mp3", "a"])
def test_unknown_suffixes_list_the_known_ones(tmp_path, name):
    with pytest.raises(CaptureError, match=r"\.wav, \.flac, \.aif, \.aiff"):
        AudioWriter(tmp_path / name, RATE)


def test_a_header_is_read_without_the_samples(tmp_path):
    path = Path(tmp_path / "a.wav")
    soundfile.write(path, np.stack([SINE, SINE], 1), RATE, subtype="PCM_24")
    header = read_header(path)
    assert (header.frames, header.channels) == (3001, 2)
