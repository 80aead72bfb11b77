"""`jaxamp train [overrides …] [-m]`: Hydra composes, a job is run for each choice."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxamp.cli.config import conf_folder
from jaxamp.cli.folder import discard_if_empty
from jaxamp.cli.main import INTERRUPTED, complain, in_words
from jaxamp.cli.overrides import explained
from jaxamp.core import JaxampError


def run(arguments: Sequence[str]) -> int:
    """Trains; returns the exit status."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that mistakes reach us as exceptions
    statuses: list[int] = []

    @hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")
    def job(config: DictConfig) -> float:
        status, esr = run_one(config)
        statuses.append(status)
        return esr

    before, sys.argv = sys.argv, ["jaxamp train", *arguments]
    try:
        job()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error) from error
    finally:
        sys.argv = before
    return max(statuses, default=0)


def run_one(config: DictConfig) -> tuple[int, float]:
    """One job; a mistake is told and does not stop the other jobs of a sweep.

    Returns:
        The exit status, and the validation ESR for sweepers (infinity on failure).
    """
    from jaxamp.cli.job import run_job  # noqa: PLC0415 (imports JAX)

    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    name = str(context.runtime.choices.get("model", "model"))
    try:
        result = run_job(resolved, name, folder)
        stopped = result["train"]["stopped"] == "interrupted"
        return INTERRUPTED if stopped else 0, result["esr"]
    except (JaxampError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        complain(str(error) if isinstance(error, JaxampError) else in_words(error))
        discard_if_empty(folder)
        return 2, float("inf")
