"""The launchers of jaxamp's sweeps, where Hydra looks for plugins."""

from jaxamp.cli import population, sweep


class OneByOne(sweep.OneByOne):
    """Jobs one after the other, in one process."""


class Population(population.PopulationLauncher):
    """Jobs that share a compiled program, side by side."""


class Engine(sweep.Engine):
    """Jobs on another launcher of Hydra."""
