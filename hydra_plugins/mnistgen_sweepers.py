"""The sweepers, where Hydra looks for plugins; it imports this file at every start."""

from mnistgen.search import Search
from mnistgen.sweeper import Grid


class GridSweeper(Grid):
    """hydra/sweeper=grid."""


class OptunaSweeper(Search):
    """hydra/sweeper=optuna."""
