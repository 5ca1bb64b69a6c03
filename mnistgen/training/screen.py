"""What a person sees of a training: a progress bar, or a line an epoch where none can be drawn."""

import contextlib
import logging
from collections.abc import Iterator
from importlib.util import find_spec

EPOCHS = "mnistgen.training.recorder"  # the logger of the lines of epochs


def draws_bar() -> bool:
    """Whether a progress bar can be drawn here: on a terminal, or in a notebook with widgets."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None
    return console.is_terminal


@contextlib.contextmanager
def lines() -> Iterator[None]:
    """Show what the package logs, but for the lines of epochs where a bar is drawn.

    A script or a notebook has no handler for it, as a command has one from Hydra.
    """
    package, root = logging.getLogger("mnistgen"), logging.getLogger()
    level, own = package.level, None
    package.setLevel(logging.INFO)
    if not root.handlers:
        own = logging.StreamHandler()
        package.addHandler(own)
    shown = [*root.handlers, *package.handlers] if draws_bar() else []
    for handler in shown:
        handler.addFilter(_is_no_epoch)
    try:
        yield
    finally:
        package.setLevel(level)
        for handler in shown:
            handler.removeFilter(_is_no_epoch)
        if own:
            package.removeHandler(own)


def _is_no_epoch(record: logging.LogRecord) -> bool:
    return record.name != EPOCHS
