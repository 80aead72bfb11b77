"""What Hydra may read, import and call for a configuration that a stranger wrote.

Hydra makes objects out of its own part of a configuration before any of ours runs: the
launcher, the sweeper, callbacks and the handlers of logs. It knows some callables that
are dangerous; here only those are let pass that a training can need. Files are looked
at before they are read, and everything is settled before anything is imported.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxamp.cli.config import WRONG_VALUES
from jaxamp.cli.kept import LARGEST_CONFIG, refuse_growth
from jaxamp.core import ConfigError
from jaxamp.core.shown import shown
from jaxamp.core.small_files import small_text

PLUGINS = re.compile(
    r"(hydra_plugins|hydra\._internal\.core_plugins)(\.[a-z]\w*)+\.\w+"
)
"""Launchers and sweepers; of these Hydra takes only what is an installed plugin."""

CALLS: dict[str, Sequence[str]] = {
    "sweeper.sampler": tuple(
        f"optuna.samplers.{name}Sampler"
        for name in ("TPE", "Random", "Grid", "QMC", "NSGAII", "MOTPE")
    ),
    "callbacks.*": (
        "jaxamp.cli.sweep.SweepFolder",
        "hydra.experimental.callbacks.LogJobReturnCallback",
    ),
}
"""place in Hydra's part -> what may be called there. CMA-ES is missing: it unpickles
what it finds in a study."""

PLACES = ("launcher", "launcher.engine", "sweeper")
"""Where plugins stand."""

PACKAGES = ("hydra", "hydra_plugins", "jaxamp")
"""Packages that configuration files may be taken out of; looking imports them."""

LOGS = ("job_logging", "hydra_logging")

HANDLERS = (
    "logging.StreamHandler", "logging.FileHandler", "logging.NullHandler",
    "logging.Formatter",
)  # fmt: skip
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
COLORS = "colorlog.ColoredFormatter"

ENVIRONMENT = re.compile(
    r"(LD_|DYLD_|PYTHON|JAXAMP_|JAX_COMPILATION|JAX_PERSISTENT|HYDRA_).*"
    r"|PATH|ENV|BASH_ENV"
)
"""Variables that decide which programs run."""

LONGEST_WORD, LONGEST_ERROR = 100, 500
"""Characters of a configuration's word, and of another's complaint, in a message."""


def refuse_arguments(given: Sequence[str]) -> None:
    """Raises for the one of Hydra's options that loads a pickle, which may do anything.

    Raises:
        ConfigError: It is given.
    """
    if get_args_parser().parse_args(list(given)).experimental_rerun is not None:
        raise ConfigError(
            "--experimental-rerun loads a pickle, which can run any program; it is not "
            "offered here. Start the run again with its overrides, or in its folder."
        )


@contextmanager
def guarded() -> Iterator[None]:
    """Has everything that Hydra reads and composes looked at first."""
    before = [
        (ConfigLoaderImpl, "load_configuration", composed),
        (ConfigRepository, "initialize_sources", searched),
    ]
    old = [(kind, name, getattr(kind, name)) for kind, name, _ in before]
    try:
        for kind, name, around in before:
            setattr(kind, name, around(getattr(kind, name)))
        yield
    finally:
        for kind, name, function in old:
            setattr(kind, name, function)


def composed(compose: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Composing, with a look at what came of it."""

    def guarded_compose(*given: Any, **options: Any) -> DictConfig:
        try:
            config = compose(*given, **options)
        except (*WRONG_VALUES, yaml.YAMLError) as error:
            reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
            raise ConfigError(
                f"The configuration cannot be composed: {shown(reason, LONGEST_ERROR)}."
                " Check the files and overrides that it is made of."
            ) from error
        refuse_calls(config.hydra)
        return config

    return guarded_compose


def searched(initialize: Callable[..., None]) -> Callable[..., None]:
    """Setting up where files are looked for, with a look at each before it is read."""

    def guarded_search(self: Any, search: Any) -> None:
        for place in search.get_path():
            scheme, _, package = str(place.path).partition("://")
            if scheme == "pkg" and package.partition(".")[0] not in ("", *PACKAGES):
                raise ConfigError(
                    f"hydra.searchpath names the package {word(package)}, and looking "
                    "for files in one imports it. Give a folder instead: file:///PATH."
                )
        initialize(self, search)
        for source in self.sources:
            if source.scheme() == "file":  # Hydra has a class of its own making there
                source.load_config = reading(source, source.load_config)

    return guarded_search


def reading(source: Any, load: Callable[..., Any]) -> Callable[..., Any]:
    """Loading a source's files, with a look at their size and shape."""

    def guarded_load(config_path: str) -> Any:
        file = Path(source.path) / source._normalize_file_name(config_path)
        if file.exists():
            refuse_swollen(file)
        return load(config_path)

    return guarded_load


def refuse_swollen(file: Path) -> None:
    """Raises ConfigError for a file that no configuration is as large or deep as."""
    try:
        refuse_growth(small_text(file, LARGEST_CONFIG), references=True)
    except (ValueError, OSError, RecursionError) as error:
        raise ConfigError(
            f"{shown(file)} cannot be read as a configuration: {error}. Check the file."
        ) from error
    except yaml.YAMLError as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise ConfigError(f"{shown(file)} is no YAML: {reason}.") from error


def refuse_calls(hydra: DictConfig) -> None:
    """Raises for whatever Hydra's part would call beside what a training can need.

    Raises:
        ConfigError: Names the key, what it is and what may stand there.
    """
    for place, key, value in entries(hydra, ""):
        if key == "_target_":
            refuse_target(place, value)
        elif place == "sweeper" and key == "custom_search_space" and value is not None:
            raise refused(place, key, value, "null")
        elif place == "job.env_set" and ENVIRONMENT.fullmatch(str(key)):
            raise refused(place, key, value, "variables that choose no programs")
        elif place.partition(".")[0] in LOGS:
            refuse_log(place, key, value)


def entries(node: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, key, value) of everything in a node, written out where it is a list."""
    keys = list(node) if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        value = resolved(node, key, place)
        yield place, key, value
        if isinstance(value, DictConfig | ListConfig):
            yield from entries(value, f"{place}.{key}" if place else str(key))


def resolved(node: Any, key: Any, place: str) -> Any:
    """A value as it will be; None where it is not known yet, or missing.

    Raises:
        ConfigError: A part that is put together elsewhere, so that it may change.
    """
    if OmegaConf.is_missing(node, key):
        return None
    made_up = OmegaConf.is_interpolation(node, key)
    try:
        value = node[key]
    except OmegaConfBaseException:
        text = str(OmegaConf.to_container(node, resolve=False)[key])  # pyright: ignore
        if key == "_target_" or re.search(r"oc\.(?!env:)", text):
            raise refused(place, key, text, "what is written out") from None
        return None
    if made_up and (isinstance(value, DictConfig | ListConfig) or key == "_target_"):
        raise refused(place, key, value, "what is written out")
    return value


def refuse_target(place: str, target: Any) -> None:
    """Raises ConfigError for what may not be called there."""
    if place in PLACES:
        if not isinstance(target, str) or not PLUGINS.fullmatch(target):
            raise refused(place, "_target_", target, "launchers and sweepers of Hydra")
        return
    pattern = re.sub(r"^callbacks\.[^.]+$", "callbacks.*", place)
    allowed = CALLS.get(pattern, ())
    if target not in allowed:
        raise refused(place, "_target_", target, ", ".join(allowed) or "none")


def refuse_log(place: str, key: Any, value: Any) -> None:
    """Raises ConfigError for what makes a handler of logs call something."""
    calls = {
        "()": (COLORS,),
        "class": HANDLERS,
        ".": (),
        "mode": ("a",),
    }
    if key in calls and value not in calls[key]:
        raise refused(place, key, value, ", ".join(calls[key]) or "none")
    made = isinstance(value, str) and re.match(r"(ext|cfg)://", value)
    if made and value not in STREAMS:
        raise refused(place, key, value, ", ".join(STREAMS))


def refused(place: str, key: Any, value: Any, allowed: str) -> ConfigError:
    """What to say of something that is not called."""
    where = ".".join(part for part in ("hydra", place, str(key)) if part)
    return ConfigError(
        f"{shown(where, LONGEST_WORD)} is {word(value)}, which a configuration may not "
        f"ask for. Allowed there: {allowed}."
    )


def word(value: Any) -> str:
    """A configuration's value in a message."""
    return repr(shown(str(value), LONGEST_WORD))
