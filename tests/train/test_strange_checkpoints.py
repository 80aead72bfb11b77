"""A stranger's checkpoint is loaded or refused in words; nothing beyond it is read."""

import dataclasses
import json
import os
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
import tensorstore as ts
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import WAVENET, task

from jaxamp.core import RunError
from jaxamp.train import Checkpoints, load_best, start
from jaxamp.train.resume import remembered


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of one good checkpoint, of step 3."""
    folder = tmp_path_factory.mktemp("whole") / "checkpoints"
    checkpoints = Checkpoints(folder)
    state = dataclasses.replace(start(task(), 0, batch=2), step=jnp.int32(3))
    checkpoints.save(state, {"step": 3}, WAVENET, 1.0, state)
    checkpoints.close()
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy" / "checkpoints")


def refused(folder, words):
    with pytest.raises(RunError, match=words):
        load_best(folder)


def edit(file, change):
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


def outside(copy):
    """Another state, beside the folder of checkpoints."""
    return shutil.copytree(copy / "3" / "state", copy.parent / "outside")


@pytest.mark.parametrize("place", ["3", "3/state", "3/record/metadata", "3/state/d"])
def test_links_are_not_followed(copy, place):
    target = outside(copy)
    kept = (copy / place).rename(copy.parent / "kept")
    (copy / place).symlink_to(kept)
    refused(copy, "is a link")
    assert target.is_dir()


def test_a_pipe_is_not_waited_for(copy):
    (copy / "3/record/metadata").unlink()
    os.mkfifo(copy / "3/record/metadata")
    refused(copy, "no ordinary file")


@pytest.mark.parametrize(
    "place", ["_METADATA", "3/_CHECKPOINT_METADATA", "3/record/metadata", "3/more"]
)
def test_a_huge_text_is_not_read(copy, place):
    with (copy / place).open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room
    refused(copy, "is larger than 4194304 bytes")


def test_a_deep_folder_is_not_walked_to_its_end(copy):
    place = copy / "3"
    for _ in range(20):
        place = place / "x"
    place.mkdir(parents=True)
    refused(copy, "more than 8 deep")


def test_arrays_are_taken_from_nowhere_else(copy):
    target = outside(copy)
    names = (
        "../../../outside/float32",
        str(target / "float32"),
        "..",
        "",
        "float32/../x",
    )
    for name in names:

        def elsewhere(value, name=name):
            one = value["tree_metadata"].pop("('float32',)", None)
            one = one or value["tree_metadata"].popitem()[1]
            one["key_metadata"][0]["key"] = name
            value["tree_metadata"][str((name,))] = one

        edit(copy / "3/state/_METADATA", elsewhere)
        refused(copy, "no vector of numbers")


@pytest.mark.parametrize(
    "change",
    [
        {"use_ocdbt": False}, {"use_zarr3": True}, {"tree_metadata": None},
        {"tree_metadata": {"x": {"key_metadata": [], "value_metadata": {}}}},
        {"use_ocdbt": None}, {"tree_metadata": []},
    ],
)  # fmt: skip
def test_arrays_are_stored_as_ours_are(copy, change):
    edit(copy / "3/state/_METADATA", lambda value: value.update(change))
    refused(copy, "Checkpoint 3 .* is damaged")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [10**13], "chunks": [213]}, "claims 4000000000"),
        ({"chunks": [10**13]}, "cut into pieces of 1000000000"),
        ({"shape": [10**6, 10**6], "chunks": [1, 1]}, "float32 is float32"),
        ({"dtype": "<f8"}, "float32 is float64"),
        ({"shape": [-1]}, "damaged"),
    ],
)
def test_no_memory_is_taken_for_a_shape_that_is_only_claimed(copy, change, words):
    base = {"driver": "ocdbt", "base": f"file://{copy}/3/state/"}
    store = ts.KvStore.open(base).result()
    described = json.loads(store.read("float32/.zarray").result().value)
    text = json.dumps({**described, **change}).encode()
    store.write("float32/.zarray", text).result()
    refused(copy, words)


@pytest.mark.parametrize("content", ["[]", "3", "{}", "{", "", '{"crc32": 3}', "null"])
def test_a_record_that_is_none_is_refused(copy, content):
    (copy / "3/record/metadata").write_text(content)
    refused(copy, "Checkpoint 3 .* is damaged")


@pytest.mark.parametrize(
    "facts",
    [
        None, [], {"step": 4}, {}, {"step": 3, "x": 1}, {"step": 3, "seconds": "1"},
        {"step": 3, "warned": 1}, {"step": 3, "warned": [["dead", "1", 0]]},
    ],
)  # fmt: skip
def test_a_memory_of_another_kind_is_refused(facts):
    with pytest.raises(RunError, match="remembers no step 3"):
        remembered({"facts": facts}, 3)


@pytest.mark.parametrize(
    ("old", "new"), [("checksum", "checksun"), ('"step"', '"stop"')]
)
def test_a_record_without_its_checksum_or_step_is_refused(copy, old, new):
    record = copy / "3/record/metadata"
    record.write_text(record.read_text().replace(old, new))
    refused(copy, "Checkpoint 3 .* is damaged")


def test_a_state_of_another_size_is_refused(copy):
    checkpoints = Checkpoints(copy)
    other = start(task(average_decay=0.5), 0, batch=2)
    with pytest.raises(RunError, match="numbers, the training has"):
        checkpoints.restore(3, other)
    checkpoints.close()


FILES = st.integers(0, 1 << 30)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    which=FILES, start=FILES, length=st.sampled_from([0, 1, 8, 200]), new=st.binary()
)
def test_damaged_in_any_file_it_is_loaded_whole_or_refused(
    whole, tmp_path_factory, which, start, length, new
):
    copy = shutil.copytree(whole, tmp_path_factory.mktemp("copy") / "checkpoints")
    files = sorted(file for file in copy.rglob("*") if file.is_file())
    file = files[which % len(files)]
    data = file.read_bytes()
    start %= len(data) + 1
    file.write_bytes(data[:start] + new + data[start + length :])
    good = load_best(whole)[1]
    try:
        loaded = load_best(copy)[1]
    except RunError:
        return
    for name, vector in loaded.items():
        np.testing.assert_array_equal(vector, good[name])
