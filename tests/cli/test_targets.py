"""What a node of a configuration may call: the functions that its group is made for."""

import pytest

from jaxamp.cli.config import KINDS, build, find
from jaxamp.core import ConfigError

OTHERS = {
    "data": (
        "jaxamp.data.AudioWriter", "jaxamp.data.read_audio", "jaxamp.models.recurrent",
        "jaxamp.data", "jaxamp.data.audio.capture", "jaxamp.data.capture.__call__",
        "optax.adam", "data", "", None, 3, ["jaxamp.data.capture"], "jaxamp.data.demo ",
    ),
    "model": (
        "jaxamp.models.build", "jaxamp.models.scale_output", "jaxamp.models.Container",
        "jaxamp.models.wrap.wrap", "os.system", "builtins.eval",
    ),
    "loss": ("jaxamp.losses.esr", "jaxamp.losses.WeightedSum"),
    "optimizer": (
        "jaxamp.train.RunLog", "jaxamp.train.Checkpoints", "jaxamp.train.fit",
        "jaxamp.cli.folder.write_bytes", "optax.__getattr__", "optax._src.alias.adam",
        "optax.contrib.adam", "optax.MultiSteps", "optax.losses", "optax.this_is_none",
        "optax.typing", "optaxevil.adam",
    ),
    "schedule": ("jaxamp.train.read_lines", "jaxamp.train.adam_l2"),
    "export": ("jaxamp.data.demo", "optax.adam"),
    "train": ("jaxamp.data.demo",),
}  # fmt: skip
"""group -> what its nodes may not call"""


@pytest.mark.parametrize("group", OTHERS)
def test_nothing_else_is_called_in_a_group(group):
    for target in OTHERS[group]:
        for where in (group, f"{group}.a.b", f"{group}[0]"):
            with pytest.raises(ConfigError, match="may not be called"):
                find(target, where)


def test_what_a_group_is_made_for_is_found():
    for group, kinds in KINDS.items():
        for kind in kinds:
            if "*" not in kind:
                assert find(kind, group).__name__ == kind.rpartition(".")[2]
    assert callable(find("optax.nadamw", "optimizer")), "a function made of another"
    assert callable(find("optax.cosine_decay_schedule", "schedule.of[0].it"))


@pytest.mark.parametrize("key", ["_partial_", "_call_", "_args_", "_recursive_"])
def test_the_words_of_other_builders_are_no_keys(key):
    node = {"_target_": "jaxamp.models.recurrent", "hidden": [3], key: True}
    with pytest.raises(ConfigError, match=f"{key} is not a key of model"):
        build(node, "model")


def test_parts_inside_are_held_to_the_same():
    inside = {"_target_": "jaxamp.train.RunLog", "folder": "/tmp/x"}
    with pytest.raises(ConfigError, match=r"model\.hidden\[0\]\._target_"):
        build({"_target_": "jaxamp.models.recurrent", "hidden": [inside]}, "model")
