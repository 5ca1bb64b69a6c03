"""The further processes of a training, which Lightning starts as it sees this one started."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator

import torch

from mnistgen.config import objects, to_override
from mnistgen.tracking import RunFolder


@contextlib.contextmanager
def joining(run: RunFolder) -> Iterator[None]:
    """Let the further processes join a run; then leave none of Lightning's traces in this one.

    Otherwise the next training here, of a sweep, say, would take itself for one of them.
    """
    arguments, program, environment = sys.argv, sys.modules["__main__"], dict(os.environ)
    # This process may be a launcher's or a notebook's, which have other programs
    resume = f"resume={to_override(str(run.path))}"
    sys.argv = [arguments[0], resume, *objects.search_path()]
    sys.modules["__main__"] = importlib.import_module("mnistgen.__main__")
    try:
        yield
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        sys.argv, sys.modules["__main__"] = arguments, program
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
