"""Hydra's complaints about overrides, said in the project's words."""

import re
from pathlib import Path

from omegaconf import OmegaConf

from jaxamp.cli.config import conf_folder, nearest
from jaxamp.core import ConfigError

PLUGINS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/launcher/ray": "ray",
    "hydra/sweeper/optuna": "optuna",
    "hydra/sweeper/sampler/tpe": "optuna",
}
"""what Hydra does not find -> the extra of jaxamp that brings it"""


def explained(error: Exception) -> ConfigError:
    """The mistake in an override: what was given, what is allowed, what is near."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    missing = re.search(r"Could not find '([^']+)'", text)
    plugin = missing and PLUGINS.get(missing[1])
    if missing and plugin:
        return ConfigError(
            f"{missing[1]} needs a package that is not installed. Install it with "
            f"`pip install 'jaxamp[{plugin}]'`, in a checkout with `uv sync --extra "
            f"{plugin}`."
        )
    if missing and "/" in missing[1]:
        return unknown_choice(missing[1])
    key = re.search(r"Could not override '([^']+)'", text)
    if key and "To append to your config" in text:
        return unknown_key(key[1])
    return ConfigError(
        f"The configuration cannot be composed: {text} Write overrides as key=value, "
        "for example train.steps=500 model=lstm/1x16."
    )


def unknown_choice(path: str) -> ConfigError:
    """For `model=wavenet/nanoo`: the choices there are."""
    group, _, choice = path.partition("/")
    folder = conf_folder() / group
    choices = sorted(
        str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.yaml")
    )
    if not choices:
        groups = sorted(item.name for item in conf_folder().iterdir() if item.is_dir())
        return ConfigError(
            f"There is no configuration group {group!r}.{nearest(group, groups)} "
            f"Groups are: {', '.join(groups)}."
        )
    return ConfigError(
        f"{group}={choice} does not exist.{nearest(choice, choices)} Choices for "
        f"{group} are: {', '.join(choices)}."
    )


def unknown_key(key: str) -> ConfigError:
    """For `train.stepz=5`: the key that comes nearest."""
    known = known_keys()
    if key in known:
        group = key.partition(".")[0]
        return ConfigError(
            f"{key} belongs to other choices of {group} than the one made. If that "
            f"takes it nevertheless, add it with a plus sign: +{key}=VALUE."
        )
    parent = key.rpartition(".")[0]
    beside = sorted({k for k in known if k.rpartition(".")[0] == parent})
    listed = f" Keys there are: {', '.join(beside)}." if beside else ""
    return ConfigError(f"There is no key {key!r}.{nearest(key, known)}{listed}")


def known_keys() -> list[str]:
    """Dotted names of everything that some configuration sets, and the groups."""
    known = sorted(keys(conf_folder() / "train.yaml"))
    groups = [item.name for item in conf_folder().iterdir() if item.is_dir()]
    for group in groups:
        for file in (conf_folder() / group).rglob("*.yaml"):
            known += [f"{group}.{name}" for name in keys(file)]
    return known + groups


def keys(file: Path) -> set[str]:
    """Dotted names of everything a configuration file sets."""

    def walk(node: object, prefix: str) -> set[str]:
        if not isinstance(node, dict):
            return {prefix} if prefix else set()
        names = {prefix} if prefix else set()
        for name, value in node.items():
            if name not in ("defaults", "hydra", "_target_"):
                names |= walk(value, f"{prefix}.{name}" if prefix else str(name))
        return names

    return walk(OmegaConf.to_container(OmegaConf.load(file), resolve=False), "")
