"""Every file of a group is a choice that can be taken."""

import pytest
from configs import configuration

from jaxamp.cli.assemble import (
    assembled,
    built_schedule,
    loss,
    optimizer,
    unweighted,
    with_epoch,
)
from jaxamp.cli.config import build, conf_folder
from jaxamp.data import demo
from jaxamp.models import Container


def choices(group):
    return sorted(file.stem for file in (conf_folder() / group).glob("*.yaml"))


@pytest.mark.parametrize("name", choices("loss"))
def test_losses_can_be_built(name):
    node = configuration(f"loss={name}")["loss"]
    assert set(node["terms"]) == {term.name for term in loss(unweighted(node)).terms}


@pytest.mark.parametrize("name", choices("optimizer"))
def test_optimizers_can_be_built_with_every_option_they_list(name):
    node = configuration(f"optimizer={name}")["optimizer"]
    assert callable(optimizer(node, clip_norm=None)(0.01).update)


@pytest.mark.parametrize("name", choices("schedule"))
def test_schedules_begin_with_a_number(name):
    node = configuration(f"schedule={name}")["schedule"]
    assert float(built_schedule(with_epoch(node, 62))(30)) > 0


@pytest.mark.parametrize("name", choices("experiment"))
def test_experiments_can_be_assembled(name):
    config = configuration(f"+experiment={name}")
    model = build(config["model"], "model", sample_rate=48_000)
    models = [s.model for s in model.sizes] if isinstance(model, Container) else [model]
    jobs = assembled(config, models, demo(seconds=20))
    assert [job.plan.steps for job in jobs] == [config["train"]["steps"]] * len(models)
