"""The population launcher: jobs that share a compiled program are trained together.

Jobs are grouped by what is compiled for them. A group's members differ in seed,
learning rate, schedule, weights of the loss or capture; each has its own stop, best
checkpoint, metrics and folder, and can be taken up again alone.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn

from jaxamp.cli.failure import Failure, leave_failure
from jaxamp.cli.folder import held
from jaxamp.cli.main import Stopped, keep_compiled
from jaxamp.cli.processes import joined
from jaxamp.cli.sweep import Returns, SweepJob, SweepLauncher, say, tell
from jaxamp.core import ConfigError
from jaxamp.core.compiler import forget_old_programs
from jaxamp.core.processes import Crew

if TYPE_CHECKING:  # JAX is slow to import
    from jaxamp.cli.prepare import Prepared
    from jaxamp.core import Recording
    from jaxamp.data import Windows
    from jaxamp.train import Outcome


@dataclasses.dataclass(frozen=True)
class Ready:
    """A job of the sweep, checked and prepared."""

    job: SweepJob
    prepared: "Prepared"


class PopulationLauncher(SweepLauncher):
    """Trains the jobs of a sweep group by group.

    Args:
        at_once: The most jobs in one program; None takes what the memory holds.
    """

    def __init__(self, table: bool = True, at_once: int | None = None):
        super().__init__(table)
        if at_once is not None and not (isinstance(at_once, int) and at_once >= 1):
            raise ConfigError(
                f"hydra.launcher.at_once={at_once!r} must be a whole number of 1 or "
                "more, or null for as many as the memory holds."
            )
        self.at_once = at_once

    def joined(self) -> Crew:
        """The processes of the sweep, which share out its jobs.

        Members need nothing of each other, so no program spans processes: each trains
        its share as if it were alone, at its own pace, and they talk only before and
        after. A program of all devices would have every process wait for the slowest
        in every call, and compile, validate and save for members that are not its own.
        """
        return joined(self.master.get("train"), one_program=False)

    def launched(self, jobs: Sequence[SweepJob]) -> Returns:
        """Trains this process's share of the jobs; what came of all of them."""
        crew = self.crew
        if crew.count == 1:
            return self.share(jobs)
        returns: Returns = {}
        stopped = False
        try:
            with crew.apart():
                returns = self.share(jobs[crew.index :: crew.count])
        except KeyboardInterrupt:
            stopped = True
        said = crew.gathered(([(i, plain(r)) for i, r in returns.items()], stopped))
        if any(stopped for _, stopped in said):
            raise Stopped
        numbered = {job.number: job for job in jobs}
        return {
            i: Failure(*one) if isinstance(one, list) else numbered[i].returned(one)
            for others, _ in said
            for i, one in others
        }

    def share(self, jobs: Sequence[SweepJob]) -> Returns:
        """Prepares all, groups them, trains each group and completes its folders."""
        returns: Returns = {}
        if not jobs:
            return returns
        keep_compiled()
        ready, desk = [], Desk()
        for job in jobs:
            with noted([job], returns):
                ready.append(Ready(job, desk.prepare(job)))
        groups = grouped(ready)
        for number, group in enumerate(groups):
            names = sorted({one.prepared.name for one in group})
            say(
                f"Group {number + 1} of {len(groups)}: {', '.join(names)}, "
                f"{len(group)} jobs side by side."
            )
            self.train(group, returns)
            forget_old_programs()
        return returns

    def train(self, group: Sequence[Ready], returns: Returns) -> None:
        """Trains one group; what came of each job is added to `returns`."""
        from jaxamp.cli.job import trained, warn  # noqa: PLC0415
        from jaxamp.cli.prepare import begin, noticed  # noqa: PLC0415
        from jaxamp.train import Population  # noqa: PLC0415

        with ExitStack() as stack:
            begun = []
            for one in group:
                with noted([one.job], returns):
                    stack.enter_context(held(one.prepared.folder))
                    begin(one.prepared)
                    begun.append(one)
            for text in dict.fromkeys(
                w for one in begun for w in noticed(one.prepared)
            ):
                warn(text)
            parts = [part for one in begun for part in one.prepared.parts]
            advance = Population(self.at_once) if len(begun) > 1 else None
            stopped = False
            with noted([one.job for one in begun], returns):
                outcomes, stopped = (), False
                if parts:
                    outcomes, stopped = trained(
                        parts, advance, self.crew, jointly=False
                    )
                waiting = iter(outcomes)
                for one in begun:
                    finish(one, waiting, returns)
        if stopped:
            raise KeyboardInterrupt


def plain(made: JobReturn | Failure) -> Any:
    """What came of a job, as JSON has it: its ESR, or the parts of its failure."""
    if isinstance(made, Failure):
        return list(dataclasses.astuple(made))
    return made.return_value


class Desk:
    """Where jobs are prepared: what several of them use is read and placed once."""

    def __init__(self):
        self.recordings: dict[str, Recording] = {}
        self.audio: dict[Any, Any] = {}

    def prepare(self, job: SweepJob) -> "Prepared":
        """The job, with its recordings shared."""
        from jaxamp.cli.prepare import prepared, recorded  # noqa: PLC0415

        config = job.config()
        node = json.dumps(config["data"], sort_keys=True)
        if node not in self.recordings:
            self.recordings[node] = recorded(config)
        made = prepared(
            config, job.choices, job.folder, self.recordings[node], spread=False
        )
        parts = [
            dataclasses.replace(part, job=self.shared(node, part.job))
            for part in made.parts
        ]
        return dataclasses.replace(made, parts=tuple(parts))

    def shared(self, node: str, job: Any) -> Any:
        """The job with audio that an earlier one has placed on the device already."""
        import jax  # noqa: PLC0415

        data, warmup = job.dataset, job.task.model.warmup
        heard = node, job.task.model.controls
        windows = (heard, jax.tree.structure(data))
        return dataclasses.replace(
            job,
            dataset=self.audio.setdefault(windows, data),
            passages=self.audio.setdefault((heard, warmup), job.passages),
        )


def finish(one: Ready, outcomes: "Iterator[Outcome]", returns: Returns) -> None:
    """Completes a job's folder with its share of the outcomes."""
    from jaxamp.cli.complete import completed  # noqa: PLC0415

    mine = [next(outcomes) for _ in one.prepared.parts]
    with noted([one.job], returns):
        result = completed(one.prepared, mine)
        returns[one.job.number] = one.job.returned(result["esr"])


def grouped(ready: Iterable[Ready]) -> list[list[Ready]]:
    """The jobs of each program, their audio brought to one length."""
    groups: dict[Any, list[Ready]] = {}
    for one in ready:
        groups.setdefault(likeness(one), []).append(one)
    return [levelled(group) for group in groups.values()]


def likeness(one: Ready) -> Any:
    """What jobs must share to be trained as one program."""
    import jax  # noqa: PLC0415

    part, *others = one.prepared.parts
    if others:
        return one.job.number  # the sizes of a container are one program already
    job = part.job
    shape = jax.tree.structure(job.dataset), job.dataset.firsts.shape
    return job.task, len(job.weights), job.plan.validate_every, shape


def levelled(group: list[Ready]) -> list[Ready]:
    """The group with all audio as long as the longest, filled up with silence."""
    datasets = {
        id(part.job.dataset): part.job.dataset
        for one in group
        for part in one.prepared.parts
    }
    longest = max(data.input.size for data in datasets.values())
    filled = {key: lengthened(data, longest) for key, data in datasets.items()}

    def part_of(part: Any) -> Any:
        job = dataclasses.replace(part.job, dataset=filled[id(part.job.dataset)])
        return dataclasses.replace(part, job=job)

    def one_of(one: Ready) -> Ready:
        parts = tuple(part_of(part) for part in one.prepared.parts)
        return Ready(one.job, dataclasses.replace(one.prepared, parts=parts))

    return [one_of(one) for one in group]


def lengthened(data: "Windows", size: int) -> "Windows":
    """The windows with silence behind their audio, where none of them begins."""
    import jax.numpy as jnp  # noqa: PLC0415

    missing = size - data.input.size
    if not missing:
        return data
    return dataclasses.replace(
        data,
        input=jnp.pad(data.input, (0, missing)),
        target=jnp.pad(data.target, (0, missing)),
    )


@contextmanager
def noted(jobs: Sequence[SweepJob], returns: Returns) -> Iterator[None]:
    """Makes an exception the failure of these jobs: told, written down, passed over."""
    try:
        yield
    except Exception as error:
        failure = Failure.of(error)
        for job in jobs:
            returns[job.number] = failure
            tell(job, failure)
            leave_failure(job.folder, error)
