"""A sweep that a script or a notebook begins: Hydra's multirun without its command line."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra

from mnistgen.config import CONF_DIR, arguments, compose
from mnistgen.sweeps.comparison import Comparison
from mnistgen.sweeps.jobs import perform


def sweep(overrides: Sequence[str]) -> Comparison:
    """Train and compare what a sweep's overrides list; raises UserError, as the sweepers do."""
    with (
        arguments.one_line_each(overrides),
        hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"),
        _logging_as_before(),
    ):
        program: Any = GlobalHydra.instance().hydra
        comparison: Comparison = program.multirun(
            "config", perform, compose.with_search_path(overrides)
        )
    return comparison


@contextlib.contextmanager
def _logging_as_before() -> Iterator[None]:
    """Take back what Hydra changes of logging in a process that is not its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
