"""Turns configuration into objects, and mistakes in it into helpful messages.

A node with `_target_` is a call of one of the functions that its group is made for,
with the node's other keys as arguments. Nothing else can be called.
"""

import difflib
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxamp.core import ConfigError
from jaxamp.core.shown import shown

KINDS: Mapping[str, tuple[str, ...]] = {
    "data": (
        "jaxamp.data.capture",
        "jaxamp.data.demo",
        "jaxamp.data.virtual_knobs",
        "jaxamp.data.knobs",
        "jaxamp.teacher.teacher",
    ),
    "model": (
        "jaxamp.models.container",
        "jaxamp.models.convnet",
        "jaxamp.models.greybox",
        "jaxamp.models.linear",
        "jaxamp.models.recurrent",
        "jaxamp.models.sequential",
        "jaxamp.models.wavenet",
    ),
    "loss": ("jaxamp.losses.weighted_sum",),
    "optimizer": (
        "jaxamp.train.adam_l2",
        "jaxamp.train.muon",
        "jaxamp.train.soap",
        "optax.*",
    ),
    "schedule": ("jaxamp.train.cosine", "optax.*"),
}
"""group -> what its nodes may call; `optax.*` is any public function of Optax"""

LONGEST_TARGET = 100
"""Characters of a `_target_` in a message."""

GROUPS = (
    "seed", "data", "model", "conditioning", "loss", "optimizer", "schedule", "train",
    "export",
)  # fmt: skip
"""The keys of a configuration, most of them groups of which one file is chosen."""


def chosen(hydra: Any) -> dict[str, str]:
    """What Hydra, of whose node this is, took of each group."""
    choices = hydra.runtime.choices
    return {name: str(choices[name]) for name in GROUPS if choices.get(name)}


def called(choices: Mapping[str, str]) -> str:
    """What the chosen model is called, for example wavenet/nano."""
    return choices.get("model", "model")


def conf_folder() -> Path:
    """The folder of configuration files: inside the installed package, or beside it."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise ConfigError(
        f"The configuration files are missing: neither {package / 'conf'} nor "
        f"{package.parent / 'conf'} has a train.yaml. Install jaxamp again."
    )


def build(node: Any, where: str, **defaults: Any) -> Any:
    """The object a configuration node stands for, its parts built first.

    Args:
        where: The node's key, for messages.
        defaults: Arguments given to every target that takes them and is not given
            them by the node.
    """
    if isinstance(node, Mapping):
        parts = {
            key: build(value, f"{where}.{key}", **defaults)
            for key, value in node.items()
            if key != "_target_"
        }
        if "_target_" not in node:
            return parts
        target = find(node["_target_"], where)
        known = inspect.signature(target).parameters
        refuse_unknown(parts, known, where)
        fitting = {key: value for key, value in defaults.items() if key in known}
        return call(target, {**fitting, **parts}, where)
    if isinstance(node, list | tuple):
        return tuple(
            build(item, f"{where}[{i}]", **defaults) for i, item in enumerate(node)
        )
    return node


def find(target: Any, where: str) -> Callable[..., Any]:
    """The function a `_target_` names, if nodes of its group may call it.

    Nothing is imported before that is settled.
    """
    kinds = KINDS.get(re.split(r"[.\[]", where)[0], ())
    module, _, name = str(target).rpartition(".")
    known = target in kinds or (module == "optax" and "optax.*" in kinds)
    public: Iterable[str] = [kind.rpartition(".")[2] for kind in kinds]
    if isinstance(target, str) and known and not name.startswith("_"):
        found = getattr(importlib.import_module(module), name, None)
        function = found.func if isinstance(found, functools.partial) else found
        home = getattr(function, "__module__", None) or ""
        same = home.partition(".")[0] == module.partition(".")[0]
        if inspect.isfunction(function) and found is not None and same:
            return found
    if module == "optax":
        public = dir(importlib.import_module("optax")) if "optax.*" in kinds else ()
    raise ConfigError(
        f"{where}._target_ is {shown(str(target), LONGEST_TARGET)!r}, which may not be "
        f"called. Allowed are: {', '.join(kinds) or 'none here'}."
        f"{nearest(name, public)}"
    )


WRONG_VALUES = (
    TypeError, ValueError, ArithmeticError, AttributeError, LookupError, AssertionError,
    RecursionError,
)  # fmt: skip
"""What a function raises that was given values of another kind than it is made for."""


def call(target: Callable[..., Any], arguments: Mapping[str, Any], where: str) -> Any:
    """The target called, with wrong or missing arguments told in words."""
    try:
        inspect.signature(target).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}.") from error
    try:
        return target(**arguments)
    except WRONG_VALUES as error:
        raise ConfigError(
            f"{where} has a value that cannot be used: {error}. Compare it with the "
            "configuration file it replaces."
        ) from error


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises for the first key that nothing reads."""
    known = list(known)
    for key in given:
        if key not in known:
            raise ConfigError(
                f"{where}.{key} is not a key of {where}.{nearest(key, known)} Its keys "
                f"are: {', '.join(known)}."
            )


def nearest(word: str, choices: Iterable[str]) -> str:
    """' Did you mean …?', or nothing."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""
