"""Completion scripts, in the language of each shell.

Nothing in them is looked up while completing. Words that end in an equals sign wait
for a value, and what fits no word is completed as the name of a file.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxamp.cli.completion import Command


def bash(commands: "Sequence[Command]") -> str:
    """For bash 3.2, which macOS has, and newer."""
    cases = []
    for one in commands:
        cases += [
            f"    *:{one.name})",
            f"      flags={quoted(' '.join(one.flags))}",
            f"      words={quoted(' '.join(one.words))} ;;",
        ]
    names = quoted(" ".join(one.name for one in commands))
    return "\n".join(
        [
            "_jaxamp() {",
            "  local line=${COMP_LINE:0:COMP_POINT} current flags words word",
            "  current=${line##*[[:space:]]}",
            "  COMPREPLY=()",
            "  case $COMP_CWORD:${COMP_WORDS[1]} in",
            f"    1:*) words={names}; flags='--help --version' ;;",
            *cases,
            "  esac",
            "  [[ $current == -* ]] && words=$flags",
            "  # before the equals sign keys are offered, behind it choices",
            "  for word in $words; do",
            "    if [[ $word == *=?* && $current != *=* ]]; then",
            "      word=${word%%=*}=",
            "    fi",
            '    [[ $word == "$current"* ]] || continue',
            "    # a key with its equals sign is done, a whole word wants its space",
            '    [[ $word == "$current" && $word == *= ]] && continue',
            '    [[ " ${COMPREPLY[*]} " == *" $word "* ]] || COMPREPLY+=("$word")',
            "  done",
            "  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then",
            "    compopt -o nospace 2>/dev/null",
            "  fi",
            "  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then",
            '    COMPREPLY=("${COMPREPLY[@]#"${current%%=*}="}")',
            "  fi",
            "}",
            "complete -o default -o bashdefault -F _jaxamp jaxamp",
        ]
    )


def zsh(commands: "Sequence[Command]") -> str:
    """For zsh, once compinit has run."""
    described = [quoted(f"{one.name}:{one.help}") for one in commands]
    cases = []
    for one in commands:
        cases += [
            f"    {one.name})",
            f"      flags=({' '.join(map(quoted, one.flags))})",
            f"      words_of=({' '.join(map(quoted, one.words))}) ;;",
        ]
    return "\n".join(
        [
            "#compdef jaxamp",
            "_jaxamp() {",
            "  local -a commands flags words_of keys choices",
            f"  commands=({' '.join(described)})",
            "  if (( CURRENT == 2 )); then",
            "    _describe command commands",
            "    return",
            "  fi",
            "  case ${words[2]} in",
            *cases,
            "  esac",
            "  if [[ $PREFIX == -* ]]; then",
            "    compadd -- $flags",
            "  elif [[ $PREFIX == *=* ]]; then",
            "    choices=(${(M)words_of:#*=?*})",
            "    compadd -- $choices || { compset -P '*='; _files }",
            "  else",
            "    keys=(${(M)words_of:#*=*})",
            "    keys=(${(u)keys%%=*})",
            "    compadd -S = -q -- $keys",
            "    compadd -- ${words_of:#*=*}",
            "    (( $#words_of )) || _files",
            "  fi",
            "}",
            "compdef _jaxamp jaxamp",
        ]
    )


def fish(commands: "Sequence[Command]") -> str:
    """For fish 3 and newer."""
    lines = ["complete -c jaxamp -n __fish_use_subcommand -f"]
    for one in commands:
        lines.append(
            f"complete -c jaxamp -n __fish_use_subcommand -f -a {one.name} "
            f"-d {fish_quoted(one.help)}"
        )
    for one in commands:
        here = f"complete -c jaxamp -n '__fish_seen_subcommand_from {one.name}'"
        for option in one.options:
            names = " ".join(map(fish_name, option.names))
            value = " -r" if option.takes_value else ""
            lines.append(f"{here} {names}{value} -d {fish_quoted(option.help)}")
        if one.words:
            lines.append(f"{here} -a {fish_quoted(' '.join(one.words))}")
    return "\n".join(lines)


def fish_name(name: str) -> str:
    """`-l block` for `--block`, `-s h` for `-h`, `-o cd` for `-cd`."""
    if name.startswith("--"):
        return f"-l {name[2:]}"
    return f"-{'s' if len(name) == 2 else 'o'} {name[1:]}"


def quoted(text: str) -> str:
    """For bash and zsh, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def fish_quoted(text: str) -> str:
    """For fish, the same."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: "Mapping[str, Callable[[Sequence[Command]], str]]" = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}
"""name -> what writes its script"""
