"""jaxamp's side: models and training jobs as the command line would assemble them."""

import time

import jax
import jax.numpy as jnp
import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from jaxamp.cli.assemble import assembled
from jaxamp.cli.config import build, conf_folder
from jaxamp.models import Container
from jaxamp.train import LearningRates, start, train_steps
from jaxamp.train.devices import placed

SAMPLE_RATE = 48_000

TOLERANCE = 1e-4
"""Largest difference of two players of one model, full scale being 1."""


def configuration(*overrides):
    """The resolved configuration that overrides compose."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = compose("train", list(overrides))
    return OmegaConf.to_container(composed, resolve=True)


def jobs(*overrides):
    """The jobs of a configuration, side by side; several for a container."""
    config = configuration(*overrides)
    recording = build(config["data"], "data")
    model = build(config["model"], "model", sample_rate=recording.sample_rate)
    sizes = model.sizes if isinstance(model, Container) else ()
    models = [size.model for size in sizes] or [model]
    return assembled(config, models, recording)


class Learner:
    """Jobs that learn side by side, called as the training loop calls them.

    The one place here that knows how jaxamp makes its steps.
    """

    def __init__(self, jobs):
        self.jobs = jobs
        self.states = tuple(
            placed(job.task.mesh, start(job.task, job.seed, job.dataset.batch))
            for job in jobs
        )
        self.rates = LearningRates(jobs[0].learning_rate)

    def arguments(self, units):
        """What `train_steps` is given for so many steps."""
        tasks = tuple(job.task for job in self.jobs)
        rates = self.rates.after(int(self.states[0].step))
        data, weights = self.jobs[0].dataset, self.jobs[0].weights
        return tasks, self.states, data, rates, jnp.int32(units), weights

    def steps(self, units):
        """Makes so many steps; the seconds they took."""
        begin = time.perf_counter()
        self.states, _, healthy = train_steps(*self.arguments(units))
        if not np.all(healthy):  # waits for the steps, too
            raise SystemExit("The loss is not finite: a measurement means nothing.")
        return time.perf_counter() - begin


def model(name):
    """The model of a configuration, with parameters as training begins."""
    node = configuration(f"model={name}")["model"]
    built = build(node, "model", sample_rate=SAMPLE_RATE)
    return built, built.init(jax.random.key(0))


def noise(seconds):
    """Quiet white noise, the same every time."""
    random = np.random.default_rng(0)
    size = round(seconds * SAMPLE_RATE)
    return random.normal(0.0, 0.1, size).astype(np.float32)


def refuse_unlike(mine, theirs):
    """Ends the program where two players do not play the same."""
    difference = np.max(np.abs(mine - theirs))
    if mine.shape != theirs.shape or not difference <= TOLERANCE:
        raise SystemExit(
            f"jaxamp and the peer differ by {difference:.2e} (shapes {mine.shape} and "
            f"{theirs.shape}); {TOLERANCE:g} is allowed. A comparison of their speed "
            "would mean nothing."
        )
