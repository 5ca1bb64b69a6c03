"""The sweepers, where Hydra looks for plugins; it imports this file at every start."""

from mnistgen.sweeper import Grid


class GridSweeper(Grid):
    """hydra/sweeper=grid."""
