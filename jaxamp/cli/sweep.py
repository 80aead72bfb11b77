"""A sweep: many jobs in one folder, each complete as if it were alone.

The launchers here look at all jobs first. What is finished is not touched again, what
fails is told and does not stop the others, and at the end there is a table. How the
jobs that are left get their turn is up to each launcher.
"""

import copy
import dataclasses
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.experimental.callback import Callback
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from jaxamp.cli.config import chosen
from jaxamp.cli.failure import Failure, read_failure
from jaxamp.cli.folder import finished, held, refuse_other
from jaxamp.cli.main import complain
from jaxamp.cli.mirror import mirrored
from jaxamp.cli.processes import joined, refuse_others
from jaxamp.core import RunError, cloud
from jaxamp.core.compiler import forget_old_programs
from jaxamp.core.processes import ALONE, Crew
from jaxamp.core.shown import paragraph


@dataclasses.dataclass(frozen=True)
class SweepJob:
    """One choice of everything that is swept."""

    number: int
    overrides: tuple[str, ...]
    composed: DictConfig
    """All of its configuration, Hydra's part included."""
    folder: Path

    @property
    def choices(self) -> dict[str, str]:
        """What it takes of each group, for example model: wavenet/nano."""
        return chosen(self.composed.hydra)

    def config(self) -> dict[str, Any]:
        """The configuration without Hydra's part, resolved."""
        alone = copy.deepcopy(self.composed)
        with read_write(alone), open_dict(alone):
            del alone["hydra"]
        resolved: Any = OmegaConf.to_container(alone, resolve=True)
        return resolved

    def returned(self, esr: float) -> JobReturn:
        """What Hydra is told of the job when it is done."""
        return JobReturn(
            overrides=self.overrides,
            task_name="train",
            status=JobStatus.COMPLETED,
            _return_value=esr,
        )


class Failed(JobReturn):
    """What Hydra is told of a job that failed: it raises when asked for its result."""

    @property
    def return_value(self) -> Any:
        raise self._return_value

    @return_value.setter
    def return_value(self, value: Any) -> None:
        self._return_value = value


Returns = dict[int, JobReturn | Failure]
"""number of a job -> what Hydra is told of it, or why it failed"""


class SweepLauncher(Launcher):
    """What the launchers of a sweep do alike; `launched` runs what is left to do.

    Args:
        table: Whether a table of the whole sweep is made at the end.
    """

    def __init__(self, table: bool = True):
        self.table = table

    def setup(
        self,
        *,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
    ) -> None:
        """Called by Hydra before `launch`."""
        self.context, self.task, self.master = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Runs what is not finished yet; a return for each job, in their order."""
        setup_globals()
        root = Path(self.master.hydra.sweep.dir).absolute()
        crew = self.crew = self.joined()
        refuse_apart(crew, root)
        with ExitStack() as stack:

            def enter() -> None:
                stack.enter_context(mirrored(root))
                stack.enter_context(held(root))

            crew.by_first(enter)
            jobs = [
                self.compose(one, initial_job_idx + i)
                for i, one in enumerate(job_overrides)
            ]
            left, returns = looked_at_by_first(crew, jobs)
            if crew.leads:
                say(opening(root, len(jobs), len(left)))
            try:
                returns |= self.launched(left)
            except KeyboardInterrupt:
                if crew.leads:
                    complain(
                        f"Stopped. {len(looked_at(jobs)[1])} of {len(jobs)} jobs are "
                        "done; the same command goes on with the others."
                    )
                raise
            some = any(isinstance(r, JobReturn) for r in returns.values())
            if self.table and some and crew.leads:
                try_table(root)
        return [told(job, jobs, returns) for job in jobs]

    def joined(self) -> Crew:
        """The processes of the sweep, which make each job together."""
        return joined(self.master.get("train"))

    @abstractmethod
    def launched(self, jobs: Sequence[SweepJob]) -> Returns:
        """Runs the jobs; what came of each, by its number."""

    def compose(self, overrides: Sequence[str], number: int) -> SweepJob:
        """The job that some overrides make."""
        config = self.context.config_loader.load_sweep_config(
            self.master, list(overrides)
        )
        with open_dict(config):
            config.hydra.job.id = str(number)
            config.hydra.job.num = number
        folder = Path(config.hydra.sweep.dir).absolute() / config.hydra.sweep.subdir
        return SweepJob(number, tuple(overrides), config, folder)

    def run(self, job: SweepJob) -> JobReturn | Failure:
        """Runs a job in this process."""
        made = run_job(
            hydra_context=self.context,
            task_function=self.task,
            config=job.composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        if made.status == JobStatus.COMPLETED:
            return made
        return Failure.of(made._return_value)


class OneByOne(SweepLauncher):
    """Jobs one after the other, in this process."""

    def launched(self, jobs: Sequence[SweepJob]) -> Returns:
        """Runs each, and says what it is and how long the rest will take."""
        returns: Returns = {}
        begin = time.monotonic()
        for made, job in enumerate(jobs):
            left = time_left(time.monotonic() - begin, made, len(jobs))
            say(f"Job {made + 1} of {len(jobs)}{left}: {job.folder.name}")
            returns[job.number] = self.run(job)
            tell(job, returns[job.number])
            forget_old_programs()
        return returns


class Engine(SweepLauncher):
    """Jobs on another launcher of Hydra: processes, a cluster, a queue.

    Args:
        engine: The other launcher's own configuration.
    """

    def __init__(self, engine: Mapping[str, Any], table: bool = True):
        super().__init__(table)
        self.engine = engine

    def joined(self) -> Crew:
        """None: the other launcher has processes of its own."""
        if OmegaConf.select(self.master, "train.processes") != 1:
            refuse_others("A sweep on another launcher")
        return ALONE

    def launched(self, jobs: Sequence[SweepJob]) -> Returns:
        """Hands all to the other launcher, and waits for it."""
        if not jobs:
            return {}
        master = copy.deepcopy(self.master)
        with read_write(master), open_dict(master):
            master.hydra.launcher = self.engine
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.task, config=master
        )
        placed = [[*job.overrides, *place(job.folder)] for job in jobs]
        try:
            made = launcher.launch(placed, jobs[0].number)
        except Exception as error:  # a worker died, say: the others may be done
            return salvaged(jobs, Failure.of(error))
        returns: Returns = {}
        for job, one in zip(jobs, made, strict=True):
            if one.status != JobStatus.COMPLETED:
                failure = read_failure(job.folder) or Failure.of(one._return_value)
            elif finished(job.folder, job.config()) is None:
                failure = Failure.of(elsewhere(job.folder))
            else:
                returns[job.number] = one
                continue
            returns[job.number] = failure
            tell(job, failure)
        return returns


def place(folder: Path) -> tuple[str, str]:
    """The overrides that give a job its folder, wherever its process works."""
    parent = str(folder.parent).replace("'", "\\'")
    return f"hydra.sweep.dir='{parent}'", f"hydra.sweep.subdir='{folder.name}'"


def elsewhere(folder: Path) -> RunError:
    """What to say of a job that is done and has left nothing here."""
    return RunError(
        f"It was done where {str(folder)!r} is another folder, or none. Give "
        "hydra.sweep.dir=FOLDER that all processes of the engine can reach."
    )


def refuse_apart(crew: Crew, root: Path) -> None:
    """Raises where processes of one sweep have folders of their own."""
    if len(set(crew.gathered(str(root)))) > 1:
        raise RunError(
            f"The {crew.count} processes of the sweep have different folders. Give all "
            "the same hydra.sweep.dir=FOLDER, which all can reach."
        )


def looked_at_by_first(
    crew: Crew, jobs: Sequence[SweepJob]
) -> tuple[list[SweepJob], Returns]:
    """What the first process sees of the jobs, so that all have the same left to do."""

    def look() -> tuple[list[int], list[tuple[int, float]]]:
        left, returns = looked_at(jobs)
        esrs = [(i, one.return_value) for i, one in returns.items()]  # pyright: ignore
        return [job.number for job in left], esrs

    left, esrs = crew.by_first(look)
    numbered = {job.number: job for job in jobs}
    done = {number: numbered[number].returned(esr) for number, esr in esrs}
    return [numbered[number] for number in left], dict(done)


def salvaged(jobs: Sequence[SweepJob], failure: Failure) -> Returns:
    """What came of jobs whose engine broke, as their folders have it."""
    returns = looked_at(jobs)[1]
    for job in jobs:
        if job.number not in returns:
            returns[job.number] = read_failure(job.folder) or failure
            tell(job, returns[job.number])
    return returns


class SweepFolder(Callback):
    """Makes the sweep's folder before a sweeper keeps its study in it."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Called by Hydra first of all."""
        Path(config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)


def looked_at(jobs: Sequence[SweepJob]) -> tuple[list[SweepJob], Returns]:
    """The jobs that are left to do, each folder once, and those that are finished.

    Raises:
        RunError: A job's folder belongs to a run of another configuration, or to
            another job.
    """
    left: dict[Path, SweepJob] = {}
    returns: Returns = {}
    configs: dict[Path, Any] = {}
    for job in jobs:
        config = job.config()
        if configs.setdefault(job.folder, config) != config:
            raise RunError(
                f"Two different jobs of the sweep would share the folder "
                f"{job.folder.name!r}. Leave hydra.sweep.subdir and "
                "hydra.job.config.override_dirname as they are."
            )
        refuse_other(job.folder, config)
        result = finished(job.folder, config)
        if result is None:
            left.setdefault(job.folder, job)
        else:
            returns[job.number] = job.returned(result["esr"])
    return list(left.values()), returns


def told(job: SweepJob, jobs: Sequence[SweepJob], returns: Returns) -> JobReturn:
    """What Hydra is told of a job, which may be one of several that are the same."""
    same = [one.number for one in jobs if one.folder == job.folder]
    made = next(returns[number] for number in same if number in returns)
    if isinstance(made, JobReturn):
        return made
    failed = [one for one in jobs if isinstance(returns.get(one.number), Failure)]
    named = ", ".join(one.folder.name for one in failed[:5])
    more = f" and {len(failed) - 5} more" * (len(failed) > 5)
    error = RunError(
        f"{len(failed)} of {len(jobs)} jobs failed: {named}{more}. What the others "
        "learned is kept, and the same command tries these again."
    )
    return Failed(job.overrides, None, None, None, "train", JobStatus.FAILED, error)


def tell(job: SweepJob, made: JobReturn | Failure) -> None:
    """Says on stderr that a job failed, and why."""
    if isinstance(made, Failure):
        complain(f"{job.folder.name} failed: {made.message}")


def opening(root: Path, total: int, left: int) -> str:
    """What a sweep says first."""
    done = f", {total - left} of them done before" if left < total else ""
    return f"{total} jobs in {cloud.named(root)}{done}."


def time_left(seconds: float, made: int, total: int) -> str:
    """How long the rest will take, once it can be told."""
    from jaxamp.train import duration  # noqa: PLC0415 (imports JAX)

    if not made:
        return ""
    return f", about {duration(seconds / made * (total - made))} left"


def say(sentence: str) -> None:
    """One line on the terminal."""
    print(paragraph(sentence), flush=True)


def try_table(root: Path) -> None:
    """The comparison of all that is finished in a sweep's folder, if it can be made."""
    from jaxamp.cli.compare import compared  # noqa: PLC0415 (imports JAX)

    try:
        compared([root], output=root, block=None)
    except Exception as error:
        complain(f"There is no table: {Failure.of(error).message}")
