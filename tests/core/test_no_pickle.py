"""No pickle is read: a pickle is a program, and a file from the internet may be one."""

import ast
import contextlib
import pickle
import sys
from pathlib import Path

import pytest
from random_models import UNMEASURED, draw_params
from tiny import LSTM, WAVENET, task

from jaxamp.core import RunError
from jaxamp.formats import read, write
from jaxamp.train import Checkpoints, load_best, start

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("jaxamp/**/*.py"), *ROOT.glob("hydra_plugins/*.py")])

MODULES = {
    "pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle",
    "joblib", "jsonpickle", "code", "codeop", "runpy",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {
    "unsafe_load", "full_load", "UnsafeLoader", "FullLoader", "allow_pickle",
}  # fmt: skip
OF_MODULES = {"yaml": {"load", "load_all"}, "os": {"system", "popen"}}


def faults(source):
    """What a source does that could run what a file says."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
            yield from names & MODULES
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from {(node.module or "").partition(".")[0]} & MODULES
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from {node.func.id} & CALLS
        if isinstance(node, ast.Attribute):
            yield from {node.attr} & ATTRIBUTES
            place = node.value.id if isinstance(node.value, ast.Name) else ""
            yield from {node.attr} & OF_MODULES.get(place, set())
        if isinstance(node, ast.keyword):
            yield from {node.arg} & ATTRIBUTES


def test_no_source_can():
    assert len(SOURCES) > 100
    found = {str(file): set(faults(file.read_text())) for file in SOURCES}
    assert not {file: names for file, names in found.items() if names}


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from marshal import loads", "import numpy\neval('1')",
     "np.load(f, allow_pickle=True)", "yaml.load(x)", "yaml.UnsafeLoader",
     "import joblib.parallel", "os.system('x')"],
)  # fmt: skip
def test_the_look_over_the_sources_finds_what_it_looks_for(source):
    assert set(faults(source))


looked_up = []


def heard(event, arguments):
    """Python tells whenever a pickle names what it wants to have called."""
    if event == "pickle.find_class":
        looked_up.append(arguments)


@pytest.fixture
def forbidden(monkeypatch):
    """Everything that reads a pickle fails; NumPy reads its objects by the same."""

    def refuse(*_, **__):
        raise AssertionError("a pickle was read")

    sys.addaudithook(heard)
    for name in ("load", "loads", "Unpickler", "_load", "_loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    joblib = sys.modules.get("joblib")
    if joblib is not None:
        monkeypatch.setattr(joblib, "load", refuse)
    looked_up.clear()


class Bomb:
    """Does something when it is unpickled."""

    def __reduce__(self):
        return list, ([1, 2, 3],)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run's checkpoint."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    checkpoints = Checkpoints(folder)
    checkpoints.save(start(task(), 0, 2), {"step": 0}, WAVENET, 1.0)
    checkpoints.close()
    return folder


def test_the_hook_hears_a_pickle():
    sys.addaudithook(heard)
    looked_up.clear()
    assert pickle.loads(pickle.dumps(Bomb())) == [1, 2, 3]
    assert looked_up


def test_none_is_read_with_a_checkpoint_or_a_model(saved, tmp_path, forbidden):
    record, vectors = load_best(saved)
    assert record["architecture"] == "WaveNet"
    assert vectors["float32"].size
    params = draw_params(LSTM)
    for name, kind in {"a.nam": "nam", "a.json": "coreaudioml"}.items():
        metadata = UNMEASURED if kind == "nam" else None
        write(tmp_path / name, LSTM, params, metadata=metadata, format=kind)
        read(tmp_path / name)
    assert not looked_up


def test_none_is_read_where_a_checkpoint_is_one(saved, tmp_path, forbidden):
    """In the place of every file, and of those of Orbax's older ways of storing."""
    import shutil  # noqa: PLC0415

    bomb = pickle.dumps(Bomb())
    files = sorted(p.relative_to(saved) for p in saved.rglob("*") if p.is_file())
    others = [Path("0/state/checkpoint"), Path("0/state/state.pkl"), Path("0/x.npy")]
    for number, file in enumerate([*files, *others]):
        copy = shutil.copytree(saved, tmp_path / str(number))
        (copy / file).write_bytes(bomb)
        with contextlib.suppress(RunError):
            load_best(copy)
    assert not looked_up
