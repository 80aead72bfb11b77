"""What TensorBoard is given at the end of a run."""

import io
import struct

import numpy as np
import soundfile
from tensorboardX.proto import event_pb2, plugin_hparams_pb2

from jaxamp.report import show_on_board

RATE = 48_000
CONFIG = {
    "seed": 3,
    "train": {"steps": 20, "minutes": None, "update_every_chunk": False},
    "optimizer": {"_target_": "optax.adam", "learning_rate": 0.01},
    "model": {"hidden": [3]},
}


def shown(folder, peak=0.5, esr=0.25):
    clip = peak * np.sin(np.arange(480) / 7).astype(np.float32)
    show_on_board(
        folder,
        step=20,
        config=CONFIG,
        metrics={"esr": esr},
        clips={"target": clip, "prediction": 0.5 * clip},
        sample_rate=RATE,
    )
    return clip


def values(folder):
    """tag -> value, of the only file there."""
    (file,) = folder.iterdir()
    data, found = file.read_bytes(), {}
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        event = event_pb2.Event.FromString(data[12 : 12 + size])  # pyright: ignore
        found |= {one.tag: one for one in event.summary.value}
        data = data[16 + size :]
    return found


def test_every_single_value_is_a_hyperparameter(tmp_path):
    shown(tmp_path)
    told = values(tmp_path)["_hparams_/session_start_info"].metadata.plugin_data
    data = plugin_hparams_pb2.HParamsPluginData.FromString(told.content)  # pyright: ignore
    given = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in data.session_start_info.hparams.items()
    }
    assert given == {
        "seed": 3.0,
        "train.steps": 20.0,
        "train.update_every_chunk": False,
        "optimizer._target_": "optax.adam",
        "optimizer.learning_rate": 0.01,
    }


def test_metrics_stand_beside_the_hyperparameters(tmp_path):
    shown(tmp_path)
    assert values(tmp_path)["final/esr"].simple_value == 0.25


def test_audio_is_played_as_it_is_or_softer_all_together(tmp_path):
    for peak in (0.5, 2.0):
        clip = shown(tmp_path / str(peak), peak)
        found = values(tmp_path / str(peak))
        scale = 1 / max(1.0, float(np.abs(clip).max()))
        for name, expected in (("target", clip), ("prediction", 0.5 * clip)):
            wav = io.BytesIO(found[name].audio.encoded_audio_string)
            heard, rate = soundfile.read(wav)
            assert rate == RATE
            np.testing.assert_allclose(heard, scale * expected, rtol=0, atol=2**-15)


def test_a_run_that_ends_again_is_shown_once(tmp_path):
    shown(tmp_path)
    shown(tmp_path, esr=0.125)
    assert values(tmp_path)["final/esr"].simple_value == 0.125
