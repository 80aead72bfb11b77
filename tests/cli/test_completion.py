"""What a shell is told completes every command, its options and the keys of train."""

import shutil
import subprocess

import pytest
from runs import run

from jaxamp.cli.completion import commands
from jaxamp.cli.main import COMMANDS
from jaxamp.cli.shells import SHELLS

ASKED = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
# Bash itself cuts the line at equals signs too.
read -ra COMP_WORDS <<< "${2//=/ = }"
[[ $2 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
_jaxamp
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """shell -> the script it is given."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, write in SHELLS.items():
        (folder / name).write_text(write(commands()))
    return folder


def there(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not here")


def answers(shell, *arguments):
    done = subprocess.run(
        [shell, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.split("\n")[:-1]


def by_bash(scripts, line):
    return set(answers("bash", "-c", ASKED, "bash", scripts / "bash", line)) - {""}


@there("bash")
def test_bash_completes(scripts):
    assert by_bash(scripts, "jaxamp tr") == {"train"}
    assert by_bash(scripts, "jaxamp com") == {"compare", "completion"}
    assert by_bash(scripts, "jaxamp ") >= set(COMMANDS)
    assert by_bash(scripts, "jaxamp train") == {"train"}, "it wants its space"
    assert "--ir" in by_bash(scripts, "jaxamp reamp --ir")
    options = {
        "--block",
        "--channel",
        "--help",
        "--ir",
        "--ir-gain",
        "--knob",
        "--size",
    }
    assert by_bash(scripts, "jaxamp reamp --") >= options
    assert by_bash(scripts, "jaxamp reamp --bl") == {"--block"}
    assert by_bash(scripts, "jaxamp reamp ") == set()  # files, by bash itself
    assert by_bash(scripts, "jaxamp completion ") == {"bash", "zsh", "fish"}


@there("bash")
def test_bash_completes_what_train_takes(scripts):
    """After an equals sign bash wants only what follows it."""
    assert by_bash(scripts, "jaxamp train model=wavenet/a2_") == {
        "wavenet/a2_full", "wavenet/a2_lite",
    }  # fmt: skip
    assert {"wavenet/nano", "wavenet/a2"} <= by_bash(scripts, "jaxamp train model=wave")
    assert by_bash(scripts, "jaxamp train -m train.ste") == {"train.steps="}
    assert by_bash(scripts, "jaxamp train seed=1 optimizer.lea") == {
        "optimizer.learning_rate="
    }
    assert by_bash(scripts, "jaxamp train hydra/launcher=p") == {"population"}
    assert by_bash(scripts, "jaxamp train +exp") == {"+experiment="}
    assert by_bash(scripts, "jaxamp train mode") >= {"model=", "model.hidden="}
    assert "--multirun" in by_bash(scripts, "jaxamp train --")


@there("fish")
def test_fish_completes(scripts):
    def by_fish(line):
        asked = f"source {scripts / 'fish'}; complete -C '{line}'"
        return {answer.split("\t")[0] for answer in answers("fish", "-c", asked)}

    assert by_fish("jaxamp tr") == {"train"}
    assert {"--block", "--ir", "--help"} <= by_fish("jaxamp reamp --")
    assert "model=wavenet/nano" in by_fish("jaxamp train model=wave")


@there("zsh")
def test_zsh_takes_its_script(scripts):
    """Completing needs a terminal; that it is read and registered does not."""
    asked = f"autoload -U compinit; compinit -D -u; source {scripts / 'zsh'}; "
    asked += "print $_comps[jaxamp]"
    assert answers("zsh", "-f", "-c", asked) == ["_jaxamp"]


def test_every_command_is_described_by_its_parser():
    for one in commands():
        assert "--help" in one.flags, one
    assert [one.name for one in commands()] == list(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_prints_the_script(capsys, scripts, shell):
    said = run(capsys, "completion", shell)
    assert said.out == (scripts / shell).read_text() + "\n"
