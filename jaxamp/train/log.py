"""What a run tells: a progress bar or plain lines, `metrics.jsonl`, TensorBoard.

Only this module and `stream.bench` read the clock.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from jaxamp.core.small_files import json_lines

FLUSH_SECONDS = 30.0
"""How long TensorBoard may wait; waiting for the disk holds up the training."""

TOLD_APART = 3
"""Models that learn side by side and are told of one by one; more are told as one."""


class RunLog:
    """Writes down, in its folder, how one model is doing."""

    def __init__(self, folder: Path, first_step: int = 0):
        self.path = folder / "metrics.jsonl"
        forget_after(self.path, first_step)
        self.lines = self.path.open("a", encoding="utf-8")
        self.events = Scalars(folder / "tensorboard", first_step)

    def write(self, step: int, facts: Mapping[str, Any]) -> None:
        """One line of JSON, and a TensorBoard scalar for every number."""
        self.lines.write(json.dumps({"step": step, **facts}) + "\n")
        self.lines.flush()
        self.events.write(step, facts)

    def close(self) -> None:
        """Writes out what is still held back."""
        self.lines.close()
        self.events.close()


class Unwritten:
    """Stands for the log and the checkpoints of a run that another process writes."""

    def write(self, *facts: Any) -> None:
        """Writes nothing."""

    save = discard = write

    lock = contextlib.nullcontext()

    def steps(self) -> list[int]:
        """No checkpoints."""
        return []

    def close(self) -> None:
        """Leaves nothing open."""


class Scalars:
    """Numbers for TensorBoard, on the disk after half a minute at most.

    `tensorboardX.SummaryWriter` starts a thread for every run, which a full disk ends
    behind our back.
    """

    def __init__(self, folder: Path, first_step: int):
        import tensorboardX.proto.event_pb2 as messages  # noqa: PLC0415 (slow)
        from tensorboardX.event_file_writer import EventsWriter  # noqa: PLC0415
        from tensorboardX.summary import scalar  # noqa: PLC0415

        event_of: Any = messages
        self.event, self.scalar = event_of.Event, scalar
        folder.mkdir(exist_ok=True)
        self.flushed = time.monotonic()
        self.file = EventsWriter(str(folder / "events"))
        begin = event_of.SessionLog(status=event_of.SessionLog.START)
        self.put(first_step + 1, session_log=begin)  # hides what was made beyond

    def write(self, step: int, facts: Mapping[str, Any]) -> None:
        """A scalar for every number."""
        for name, value in facts.items():
            if isinstance(value, int | float):
                self.put(step, summary=self.scalar(name, value))
        if time.monotonic() - self.flushed > FLUSH_SECONDS:
            self.file.flush()
            self.flushed = time.monotonic()

    def put(self, step: int, **content: Any) -> None:
        """One event, now."""
        event = self.event(step=step, wall_time=time.time(), **content)
        self.file.write_event(event)

    def close(self) -> None:
        """Writes out what is still held back."""
        self.file.close()


class Screen:
    """Tells, on the terminal, how a run is doing: one bar for all that it trains.

    Args:
        quiet: Tells nothing, because another process does.
    """

    def __init__(self, total_steps: int, first_step: int = 0, quiet: bool = False):
        self.console = Console(highlight=False, soft_wrap=True, quiet=quiet)
        self.total = total_steps
        self.last = time.monotonic()
        self.bar, self.task = None, None
        if self.console.is_terminal and not quiet:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[news]}"),
                TimeRemainingColumn(),
                console=self.console,
            )
            self.task = self.bar.add_task(
                "training", total=total_steps, completed=first_step, news="compiling"
            )
            self.bar.start()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.monotonic()
        seconds, self.last = now - self.last, now
        return seconds

    def report(self, step: int, news: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """After a compiled call: what was measured of each model, with its name."""
        pace = max(facts["steps_per_second"] for _, facts in news)
        if len(news) > TOLD_APART:
            news = [(f"{len(news)} models", best_of([facts for _, facts in news]))]
        if self.bar is not None and self.task is not None:
            short = "  ".join(in_brief(name, facts) for name, facts in news)
            self.bar.update(
                self.task, completed=step, news=f"{short}  {pace:.1f} steps/s"
            )
        elif any("validation_esr" in facts for _, facts in news):
            left = (self.total - step) / max(pace, 1e-9)
            told = "  ".join(in_full(name, facts) for name, facts in news)
            self.say(
                f"step {step:>6}/{self.total}  {told}  {pace:.2f} steps/s  "
                f"{duration(left)} left"
            )

    def say(self, sentence: str) -> None:
        """One plain line."""
        self.console.print(sentence, markup=False)

    def close(self) -> None:
        """Leaves the terminal as it was."""
        if self.bar is not None:
            self.bar.stop()


def best_of(news: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of many models: the lowest of everything that is told."""
    told = ("loss", "validation_esr", "best_esr")
    values = {key: [facts.get(key) for facts in news] for key in told}
    known = {key: [v for v in each if v is not None] for key, each in values.items()}
    lowest = {key: min(each) for key, each in known.items() if each}
    return {"best_esr": None, "loss": float("nan")} | lowest


def in_brief(name: str, facts: Mapping[str, Any]) -> str:
    """Of one model, what fits beside a bar."""
    best = facts["best_esr"]
    told = f"loss {facts['loss']:.3g}"
    if best is not None:
        told = f"ESR {best:.4f}  {told}"
    return f"{name}: {told}" if name else told


def in_full(name: str, facts: Mapping[str, Any]) -> str:
    """Of one model that was just validated, what fits on a line."""
    told = (
        f"loss {facts['loss']:.3e}  validation ESR {facts['validation_esr']:.5f}  "
        f"best {facts['best_esr']:.5f}"
    )
    return f"{name}: {told}" if name else told


def duration(seconds: float) -> str:
    """Seconds for people: 75 -> 1:15."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def forget_after(path: Path, step: int) -> None:
    """Drops the lines of steps that will be made again, and a torn last line."""
    if not path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("w", encoding="utf-8") as kept:
        for line in json_lines(path):
            if is_step(line) and line["step"] <= step:
                kept.write(json.dumps(line) + "\n")
    os.replace(temporary, path)


def is_step(line: Mapping[str, Any]) -> bool:
    """Whether a row says of which step it is."""
    return isinstance(line.get("step"), int)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of `metrics.jsonl`; a line torn by a crash is left out."""
    return [line for line in json_lines(path) if is_step(line)]
