"""Folders of a sweep's jobs, named after what is swept.

A name says what a job is, so that a sweep may be extended, started again or merged
with another in one folder, and each job is found where it was left.
"""

import hashlib
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

LONGEST = 120
"""Letters of a folder's name; most systems allow 255."""

EXCLUDE = "hydra.job.config.override_dirname.exclude_keys"
"""Where Hydra is told what a job's name leaves out."""


def folder_name(overrides: str, number: int) -> str:
    """The folder of a job, out of its overrides as Hydra joins them.

    `model=wavenet/nano,seed=0` becomes `model=wavenet-nano,seed=0`; what no file
    system likes is told apart by a hash.
    """
    if not overrides:
        return str(number)
    name = re.sub(r"[^A-Za-z0-9=.,+_-]", "_", overrides.replace("/", "-"))
    if name != overrides.replace("/", "-") or len(name) > LONGEST or name[0] in ".-":
        digest = hashlib.sha256(overrides.encode()).hexdigest()[:8]
        name = f"{name[:LONGEST].lstrip('.-')},{digest}"
    return name


def unswept(overrides: Sequence[str]) -> list[str]:
    """Keys that are the same for every job, which names need not repeat."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException:
        return []  # composing it will say what is wrong with it
    last = {one.key_or_group: one for one in parsed}  # of several, the last counts
    return [key for key, one in last.items() if not one.is_sweep_override()]


# Worker processes of any launcher import this module before they need it: a name in a
# configuration can be looked up in no other way.
OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
