"""`jaxamp completion bash|zsh|fish`: makes a shell complete commands, options and keys.

For bash, put `eval "$(jaxamp completion bash)"` into ~/.bashrc; for zsh, the same with
zsh into ~/.zshrc, after compinit; for fish, `jaxamp completion fish >
~/.config/fish/completions/jaxamp.fish`. What is printed knows the commands of this
version by heart: completing starts no Python. Print it again after an update.
"""

import argparse
import dataclasses
import importlib
from collections.abc import Sequence

from jaxamp.cli.main import COMMANDS
from jaxamp.cli.shells import SHELLS


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of a command, its names and what it does."""

    names: tuple[str, ...]
    help: str
    takes_value: bool


@dataclasses.dataclass(frozen=True)
class Command:
    """What can follow a command's name, files apart."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...] = ()
    """Of which each argument is one, or a key that ends in an equals sign."""

    @property
    def flags(self) -> list[str]:
        """Every name of every option."""
        return [name for option in self.options for name in option.names]


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        "jaxamp completion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="whose language it is in")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Prints; returns the exit status."""
    given = parser().parse_args(arguments)
    print(SHELLS[given.shell](commands()))
    return 0


def commands() -> list[Command]:
    """Every command, from its own parser."""
    return [
        train(what) if name == "train" else described(name, what)
        for name, what in COMMANDS.items()
    ]


def described(name: str, what: str) -> Command:
    """A command whose module has a `parser`."""
    actions = importlib.import_module(f"jaxamp.cli.{name}").parser()._actions
    options = [
        Option(tuple(one.option_strings), one.help or "", one.nargs != 0)
        for one in actions
        if one.option_strings
    ]
    words = [
        str(word)
        for one in actions
        if one.choices and not one.option_strings
        for word in one.choices
    ]
    return Command(name, what, tuple(options), tuple(words))


def train(what: str) -> Command:
    """`train`, whose arguments are Hydra's: groups, their choices, and keys."""
    options = (
        Option(("-h", "--help"), "show this help", False),
        Option(("-m", "--multirun"), "sweep over several values", False),
        Option(("-c", "--cfg"), "show the configuration: job, hydra or all", True),
        Option(("-cd", "--config-dir"), "a folder of configurations of yours", True),
    )
    return Command("train", what, options, tuple(overrides()))


def overrides() -> list[str]:
    """`model=wavenet/nano`, `train.steps=`, …"""
    from omegaconf import OmegaConf  # noqa: PLC0415

    from jaxamp.cli.config import conf_folder  # noqa: PLC0415
    from jaxamp.cli.overrides import known_keys  # noqa: PLC0415

    folder = conf_folder()
    usual = OmegaConf.load(folder / "train.yaml").defaults
    chosen = {
        str(key).rpartition(" ")[2] for one in usual if one != "_self_" for key in one
    }
    words = []
    for file in sorted(folder.rglob("*.yaml")):
        parts = file.relative_to(folder).with_suffix("").parts
        depth = 2 if parts[0] == "hydra" else 1
        group, choice = "/".join(parts[:depth]), "/".join(parts[depth:])
        if choice:
            words.append(f"{'' if group in chosen else '+'}{group}={choice}")
    known = {*known_keys(), "hydra.run.dir", "hydra.sweep.dir"}
    inner = {key.rpartition(".")[0] for key in known}
    leaves = [key for key in known - inner if "." in key or key == "seed"]
    return words + sorted(f"{key}=" for key in leaves)
