"""The sweepers, where Hydra looks for plugins; it imports this file at every start."""

from mnistgen.sweeps.grid import Grid
from mnistgen.sweeps.search import Search


class GridSweeper(Grid):
    """hydra/sweeper=grid."""


class OptunaSweeper(Search):
    """hydra/sweeper=optuna."""
