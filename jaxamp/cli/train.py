"""`jaxamp train [overrides …] [-m]`: Hydra composes, a job is run for each choice."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxamp.cli.config import chosen, conf_folder
from jaxamp.cli.failure import leave_failure
from jaxamp.cli.folder import discard_if_empty, finished
from jaxamp.cli.guard import guarded, refuse_arguments
from jaxamp.cli.main import Stopped, complain, keep_compiled
from jaxamp.cli.mirror import mirrored, placed
from jaxamp.cli.names import EXCLUDE, unswept
from jaxamp.cli.overrides import explained
from jaxamp.cli.processes import joined, parting
from jaxamp.core.cloud import named
from jaxamp.core.processes import ALONE, Crew
from jaxamp.core.shown import paragraph

SWEEP = ("-m", "--multirun")


def run(arguments: Sequence[str]) -> int:
    """Trains; returns the exit status."""
    with parting():
        return composed(arguments)


def composed(arguments: Sequence[str]) -> int:
    """Trains what Hydra composes of the arguments."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that mistakes reach us as exceptions
    given = [placed(argument) for argument in arguments]
    failures: list[Exception] = []

    def alone(config: DictConfig) -> None:
        try:
            job(config)
        except Exception as error:
            failures.append(error)  # Hydra would add lines of its own

    sweeping = any(flag in given for flag in SWEEP)
    if sweeping:
        given = named_by_what_is_swept(given)
    train = hydra.main(
        version_base="1.3", config_path=str(conf_folder()), config_name="train"
    )(job if sweeping else alone)
    refuse_arguments(given)
    before, sys.argv = sys.argv, ["jaxamp train", *given]
    try:
        with guarded(), composed_once():
            train()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error) from error
    except (RuntimeError, ImportError) as error:
        if "plugin" in str(error):  # Hydra's word for a launcher it does not have
            raise explained(error) from error
        raise
    finally:
        sys.argv = before
    for error in failures:
        raise error
    return 0


@contextmanager
def composed_once() -> Iterator[None]:
    """Leaves it to a launcher of ours to compose a sweep's jobs, before any is run.

    Hydra's sweeper composes them all as well, only to see whether it can: for a
    thousand jobs that is more than a minute.
    """
    compose = Sweeper.validate_batch_is_legal

    def left_to_the_launcher(self: Any, batch: Sequence[Sequence[str]]) -> None:
        from jaxamp.cli.sweep import SweepLauncher  # noqa: PLC0415 (one run needs none)

        if not isinstance(getattr(self, "launcher", None), SweepLauncher):
            compose(self, batch)

    Sweeper.validate_batch_is_legal = left_to_the_launcher
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = compose


def named_by_what_is_swept(arguments: Sequence[str]) -> list[str]:
    """The arguments, with jobs named by what is swept alone."""
    overrides = [a for a in arguments if "=" in a and not a.startswith("-")]
    if any(override.startswith(EXCLUDE) for override in overrides):
        return list(arguments)
    naming = f"{EXCLUDE}=[{','.join(unswept(overrides))}]"
    where = arguments.index(overrides[0]) if overrides else len(arguments)
    return [*arguments[:where], naming, *arguments[where:]]


def job(config: DictConfig) -> float:
    """One job, in whatever process a launcher runs it.

    Returns:
        The validation ESR, for sweepers.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    with ExitStack() as stack:
        return job_in(folder, config, stack)


def job_in(folder: Path, config: DictConfig, stack: ExitStack) -> float:
    """One job in its local folder; the stack holds what it comes from and goes to."""
    context = HydraConfig.get()
    swept = not OmegaConf.is_missing(context.job, "num")
    crew = ALONE
    try:
        resolved: Any = OmegaConf.to_container(config, resolve=True)
        crew = joined(resolved.get("train"))

        def bring() -> None:
            stack.enter_context(mirrored(folder))

        crew.by_first(bring)
        result, stopped = None, False
        if swept:
            result = crew.first(lambda: finished(folder, resolved))
        if result is None:
            result, stopped = run_one(resolved, chosen(context), folder, crew)
    except KeyboardInterrupt as error:
        discard_if_empty(folder)
        if swept or isinstance(error, Stopped):
            raise
        if crew.leads:
            complain(f"Interrupted. {kept_in(folder)}")
        raise Stopped from error
    except Exception as error:
        if isinstance(error, OmegaConfBaseException):
            error = explained(error)
        if swept and crew.leads:
            leave_failure(folder, error)
        discard_if_empty(folder)
        raise error
    if not crew.leads:
        discard_if_empty(folder)  # named after another second than the first one's
    elif not swept:
        print(
            paragraph(named(f"To hear and see it: jaxamp report {quote(str(folder))}"))
        )
    if (stopped and swept) or result["train"]["stopped"] == "interrupted":
        raise Stopped
    return result["esr"]


def kept_in(folder: Path) -> str:
    """What an interruption left of a run."""
    if any(folder.glob("checkpoints/[0-9]*")) or any(
        folder.glob("*/checkpoints/[0-9]*")
    ):
        return f"What was learned is kept in {folder}; the same command goes on."
    return "Nothing was learned yet; the same command begins again."


def run_one(
    config: dict[str, Any], choices: dict[str, str], folder: Path, crew: Crew
) -> tuple[dict[str, Any], bool]:
    """Trains; returns the content of `result.json`, and whether to stop was asked."""
    from jaxamp.cli.job import run_job  # noqa: PLC0415 (imports JAX)

    keep_compiled()
    return run_job(config, choices, folder, crew)
