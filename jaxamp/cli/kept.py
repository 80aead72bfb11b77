"""What a run wrote down of its configuration, read as a stranger's text.

YAML can repeat by reference, so that a few lines stand for more than any memory holds,
and reading it takes far longer than JSON. Configurations of ours are short and flat.
"""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxamp.core.small_files import NOT_OURS, small_text

LARGEST_CONFIG = 1 << 18
"""Bytes; real ones have a few thousand. YAML is read at about 100,000 a second."""

MOST_NODES = 20_000
"""Keys, values, lists and mappings in one file, whatever is repeated written out."""

DEEPEST = 32
"""Lists and mappings inside one another."""

MAPPING = "tag:yaml.org,2002:map"

DAMAGED = (*NOT_OURS, OmegaConfBaseException, yaml.YAMLError)
"""What reading a file of a run raises where it is not what a run writes."""


def kept_config(file: Path) -> Any:
    """The configuration in a run's folder; interpolations in it stay as they are.

    Raises:
        DAMAGED: It is not what a run writes.
    """
    text = small_text(file, LARGEST_CONFIG)
    refuse_growth(text, references=False)
    whole = yaml.compose(text, Loader=yaml.SafeLoader)
    if whole is not None and whole.tag != MAPPING:
        raise ValueError("it holds no keys")
    return OmegaConf.to_container(OmegaConf.create(text), resolve=False)


def refuse_growth(text: str, *, references: bool) -> None:
    """Raises ValueError for YAML that would take more than its length to hold.

    Only the grammar is looked at: nothing is built.

    Args:
        references: Whether a few parts may be repeated by reference.
    """
    depth = nodes = repeated = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        opens = isinstance(event, yaml.CollectionStartEvent)
        depth += opens - isinstance(event, yaml.CollectionEndEvent)
        nodes += opens or isinstance(event, yaml.ScalarEvent)
        repeated += isinstance(event, yaml.AliasEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        if nodes > MOST_NODES:
            raise ValueError(f"it holds more than {MOST_NODES} values")
    if repeated and not references:
        raise ValueError("a configuration of ours repeats nothing by reference")
    if (
        repeated
        and written_out(yaml.compose(text, Loader=yaml.SafeLoader)) > MOST_NODES
    ):
        raise ValueError(f"it stands for more than {MOST_NODES} values")


def written_out(node: Any) -> int:
    """How many nodes there are when everything repeated by reference is written out.

    Raises:
        ValueError: A part holds itself.
    """
    known: dict[int, int | None] = {}

    def count(one: Any) -> int:
        if id(one) not in known:
            known[id(one)] = None
            pairs = one.value if isinstance(one, yaml.CollectionNode) else ()
            parts = [
                p for pair in pairs for p in (pair if type(pair) is tuple else [pair])
            ]
            known[id(one)] = 1 + sum(map(count, parts))
        total = known[id(one)]
        if total is None:
            raise ValueError("a part of it holds itself")
        return total

    return count(node)
