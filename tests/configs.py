"""Every model configuration of the project, built once for all tests."""

import functools

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from jaxamp.cli.config import build, conf_folder
from jaxamp.models import Container

MODELS = sorted(
    str(file.relative_to(conf_folder() / "model").with_suffix(""))
    for file in (conf_folder() / "model").rglob("*.yaml")
)


def configuration(*overrides):
    """The resolved configuration that overrides compose, as plain containers."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("train", list(overrides))
    return OmegaConf.to_container(config, resolve=True)


@functools.cache
def model(name):
    """The model a configuration names."""
    return build(configuration(f"model={name}")["model"], "model", sample_rate=48_000)


SINGLE = [name for name in MODELS if not isinstance(model(name), Container)]
"""Configurations of one model; a container is made of these."""
