"""What a configuration may have Hydra read, import and call: what a training needs."""

import logging
import sys

import pytest
from omegaconf import OmegaConf
from runs import assert_refused, run

from jaxamp.cli.guard import refuse_calls, refuse_swollen
from jaxamp.core import ConfigError

CALLS = {
    "callbacks": "callbacks: {x: {_target_: builtins.print, a: 1}}",
    "callbacks inside": "callbacks: {x: {y: {_target_: os.getcwd}}}",
    "callbacks that pickle": (
        "callbacks: {x: {_target_: hydra.experimental.callbacks.PickleJobInfoCallback}}"
    ),
    "sampler that unpickles": (
        "sweeper: {sampler: {_target_: optuna.samplers.CmaEsSampler}}"
    ),
    "search space": "sweeper: {custom_search_space: os.system}",
    "launcher": "launcher: {_target_: subprocess.Popen}",
    "in a launcher": "launcher: {x: [{_target_: os.getcwd}]}",
    "private launcher": "launcher: {_target_: hydra_plugins.jaxamp.__loader__.x}",
    "of a module of ours": "launcher: {_target_: jaxamp.cli.folder.write_bytes}",
    "sweeper": "sweeper: {_target_: jaxamp.train.RunLog}",
    "elsewhere": "help: {x: {_target_: os.getcwd}}",
    "referred to": "callbacks: ${poison}",
    "put together": "callbacks: {x: '${oc.create:${oc.decode:\"{a: 1}\"}}'}",
    "not known yet": ("callbacks: {x: '${oc.create:${oc.decode:${hydra.job.num}}}'}"),
    "named elsewhere": "callbacks: {x: {_target_: '${oc.env:HOME}'}}",
    "factory of a log": "job_logging: {formatters: {x: {(): os.getcwd}}}",
    "class of a log": "hydra_logging: {handlers: {x: {class: os.getcwd}}}",
    "object of a log": "job_logging: {handlers: {x: {stream: 'ext://os.environ'}}}",
    "log over a file": "job_logging: {handlers: {x: {mode: w}}}",
    "loader": "job: {env_set: {LD_PRELOAD: /tmp/x.so}}",
    "compile cache": "job: {env_set: {JAXAMP_CACHE: /tmp/x}}",
}
"""what is called -> Hydra's part of a stranger's configuration"""


@pytest.mark.parametrize("name", CALLS)
def test_nothing_else_is_called(name):
    written = f"poison: {{x: 1}}\nhydra:\n  runtime: {{x: '???'}}\n  {CALLS[name]}\n"
    with pytest.raises(ConfigError, match=r"hydra\..* may not ask for. Allowed there"):
        refuse_calls(OmegaConf.create(written).hydra)


def test_nor_is_it_for_a_folder_of_configurations_or_a_job_of_a_sweep(tmp_path, capsys):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "evil.yaml").write_text(
        "# @package _global_\n"
        "hydra: {job_logging: {formatters: {x: {(): os.getcwd}}}}\n"
    )
    for experiment in (["+experiment=evil"], ["-m", "+experiment=best,evil"]):
        folders = (f"hydra.run.dir={tmp_path}/run", f"hydra.sweep.dir={tmp_path}/run")
        said = run(capsys, "train", "--config-dir", tmp_path, *experiment, *folders)
        assert_refused(said, "hydra.job_logging.formatters.x.()", "may not ask for")
        assert {file.name for file in tmp_path.rglob("run/*")} <= {"multirun.yaml"}


def test_what_the_project_offers_is_let_pass(capsys):
    offered = (
        ["+engine=joblib", "hydra/job_logging=default", "hydra/hydra_logging=default"],
        ["+engine=slurm", "+search=optuna"],
        ["hydra/launcher=population"],
    )
    handlers = logging.root.handlers[:]
    for overrides in offered:
        assert run(capsys, "train", "--cfg", "job", *overrides).status == 0, overrides
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize("flag", ["--experimental-rerun=x.pickle", "--exp=x.pickle"])
def test_no_pickle_is_loaded_to_run_again(flag, capsys):
    assert_refused(run(capsys, "train", flag), "pickle")


def test_no_package_is_imported_to_look_for_files_in_it(capsys):
    said = run(capsys, "train", "hydra.searchpath=[pkg://this.is]")
    assert_refused(said, "hydra.searchpath", "'this.is'")
    assert "this" not in sys.modules


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 31)
)
FILES = {
    "grows": (BOMB, "stands for more than"),
    "holds itself": ("a: &a [*a]\n", "holds itself"),
    "deep": ("a: " + "[" * 5000 + "]" * 5000, "nested more than"),
    "large": ("# " + "x" * (1 << 19), "larger than"),
    "many": ("a: [" + "1," * 30_000 + "]", "more than 20000 values"),
    "no YAML": ("a: [", "is no YAML"),
    "no text": ("a: \udcff", "cannot be read"),
}
OBJECT = {"an object": ("a: !!python/object/apply:os.getcwd []\n", "python/object")}


@pytest.mark.parametrize("name", FILES)
def test_a_file_no_configuration_is_like_is_not_read(name, tmp_path):
    content, words = FILES[name]
    file = tmp_path / "odd.yaml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=words):
        refuse_swollen(file)


@pytest.mark.parametrize("name", ["grows", "an object"])
def test_nor_is_it_by_the_command(name, tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "odd.yaml").write_text({**FILES, **OBJECT}[name][0])
    said = run(capsys, "train", "--config-dir", tmp_path, "model=odd")
    assert_refused(said, {**FILES, **OBJECT}[name][1])


def test_a_file_may_repeat_a_little_by_reference(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    text = "_target_: jaxamp.models.recurrent\nhidden: &h [3]\ncontrols: *h\n"
    (tmp_path / "model" / "odd.yaml").write_text(text)
    said = run(capsys, "train", "--config-dir", tmp_path, "model=odd", "--cfg", "job")
    assert said.status == 0, said
