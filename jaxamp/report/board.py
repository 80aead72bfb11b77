"""What TensorBoard shows of a run that ended: hyperparameters, metrics, its sound.

Its table of hyperparameters has one line for each run of a sweep; a run's audio is
played in the browser. Learning curves come from `train.log`.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

STEM = "result"
"""What the file's name begins with; `train.log` writes others beside it."""

KINDS = (bool, int, float, str)
"""What TensorBoard takes as a hyperparameter."""


def show_on_board(
    folder: Path,
    *,
    step: int,
    config: Mapping[str, Any],
    metrics: Mapping[str, float],
    clips: Mapping[str, np.ndarray],
    sample_rate: int,
) -> None:
    """Writes an event file into the folder, in place of the one of an earlier end.

    Args:
        config: Nested; its single values are the hyperparameters `optimizer.b1` ….
        clips: name -> audio `[t]`. All are made softer together where one is beyond
            full scale, since TensorBoard plays 16 bit.
    """
    import tensorboardX.proto.event_pb2 as messages  # noqa: PLC0415 (slow)
    from tensorboardX.event_file_writer import EventsWriter  # noqa: PLC0415
    from tensorboardX.summary import audio, hparams, scalar  # noqa: PLC0415

    folder.mkdir(exist_ok=True)
    earlier = list(folder.glob(f"{STEM}.*"))
    named = {f"final/{name}": value for name, value in metrics.items()}
    loudest = max([1.0, *(float(np.abs(clip).max()) for clip in clips.values())])
    summaries = [
        *hparams(dict(single_values(config)), named),
        *(scalar(name, value) for name, value in named.items()),
        *(audio(name, clip / loudest, sample_rate) for name, clip in clips.items()),
    ]
    event_of: Any = messages
    file = EventsWriter(str(folder / STEM))
    for summary in summaries:
        event = event_of.Event(step=step, wall_time=time.time(), summary=summary)
        file.write_event(event)
    file.close()
    for old in earlier:
        if old != Path(file._file_name):
            old.unlink()


def single_values(group: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """The values of nested groups by dotted names, without lists and nothings."""
    found = []
    for name, value in group.items():
        if isinstance(value, Mapping):
            found += single_values(value, f"{above}{name}.")
        elif isinstance(value, KINDS):
            found.append((f"{above}{name}", value))
    return found
