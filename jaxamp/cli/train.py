"""`jaxamp train [overrides …] [-m]`: Hydra composes, a job is run for each choice."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxamp.cli.config import conf_folder
from jaxamp.cli.folder import discard_if_empty
from jaxamp.cli.main import INTERRUPTED, complain, is_mistake, keep_compiled, said
from jaxamp.cli.overrides import explained


def run(arguments: Sequence[str]) -> int:
    """Trains; returns the exit status."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that mistakes reach us as exceptions
    statuses: list[int] = []
    failures: list[Exception] = []

    @hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")
    def job(config: DictConfig) -> float:
        try:
            status, esr = run_one(config)
        except Exception as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN and is_mistake(error):
                complain(said(error))
            else:
                failures.append(error)  # Hydra would add lines of its own
            status, esr = 2, float("inf")
        statuses.append(status)
        return esr

    before, sys.argv = sys.argv, ["jaxamp train", *arguments]
    try:
        job()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error) from error
    finally:
        sys.argv = before
    for error in failures:
        if isinstance(error, OmegaConfBaseException):
            raise explained(error) from error
        raise error
    return max(statuses, default=0)


def run_one(config: DictConfig) -> tuple[int, float]:
    """One job.

    Returns:
        The exit status, and the validation ESR for sweepers.
    """
    from jaxamp.cli.job import run_job  # noqa: PLC0415 (imports JAX)

    keep_compiled()
    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    try:
        resolved: Any = OmegaConf.to_container(config, resolve=True)
        name = str(context.runtime.choices.get("model", "model"))
        result = run_job(resolved, name, folder)
    except Exception:
        discard_if_empty(folder)
        raise
    stopped = result["train"]["stopped"] == "interrupted"
    return INTERRUPTED if stopped else 0, result["esr"]
